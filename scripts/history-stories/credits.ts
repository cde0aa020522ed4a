import type { WorkflowHandle } from '@temporalio/client'
import type { WalletLook } from '../../activities/watch-wallet.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { topUpStart, walletExpiryStart } from '../../inbox/starts.ts'
import { walletChanged } from '../../workflows/messages.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import {
  operatorRetries,
  operatorSkips,
  parked,
  rested,
  type StoryClock,
  storyClock,
  toldMuch,
} from './telling.ts'

/** Credits that expire, and packs of them that are bought by themselves. */

/** A wallet that is looked at as the story says. */
function wallet(stage: PlayedStage, look: () => WalletLook, clock?: StoryClock) {
  const { name, client, projectId } = stage
  stage.play({ watchWallet: async () => look(), recordOperatorAction: async () => true, ...clock?.played })
  const customerId = deriveId('cst', 'recorded', name)
  const clockId = clock?.clockId ?? null
  return client.workflow.start(
    'walletExpiry',
    walletExpiryStart({ projectId, customerId, userId: 'user-1', clockId }),
  )
}

async function topUpStory(
  stage: PlayedStage,
  charge: () => 'succeeded' | 'declined',
  story: (handle: WorkflowHandle) => Promise<unknown> = async () => {},
) {
  const { name, client, projectId } = stage
  stage.play({
    chargeTopUp: async () => charge(),
    skipTopUp: async () => 'skipped',
    recordOperatorAction: async () => true,
  })
  const paymentId = deriveId('pay', 'recorded', name)
  const handle = await client.workflow.start(
    'topUp',
    topUpStart({ projectId, paymentId, userId: 'user-1', correlationId: 'recorded' }),
  )
  await story(handle)
  await handle.result()
  return handle
}

const refuse = () => {
  throw new BillingError('provider_refused')
}

export const creditStories: Record<string, PlayedStory> = {
  async 'wallet-expiry-on-a-test-clock'(stage) {
    const clock = storyClock(stage.name)
    const expiries = [OPENED_AT + DAY, OPENED_AT + 3 * DAY]
    const look = () => {
      const nextExpiry = expiries.find((expiry) => expiry > clock.now())
      return { clockNow: clock.now(), ...(nextExpiry !== undefined && { nextExpiry }) }
    }
    const handle = await wallet(stage, look, clock)
    await rested(handle)
    await clock.pass(DAY, handle)
    await rested(handle)
    await clock.pass(2 * DAY, handle)
    await handle.result()
    return handle
  },

  async 'wallet-expiry-when-a-timer-rings'(stage) {
    // Due by our clock and not yet by the database's: it asks again a second later.
    const looks: WalletLook[] = [{ nextExpiry: 0 }, {}]
    const handle = await wallet(stage, () => looks.shift() ?? {})
    await handle.result()
    return handle
  },

  async 'wallet-expiry-woken-by-a-sooner-lot'(stage) {
    const looks: WalletLook[] = [
      { nextExpiry: OPENED_AT + 30 * DAY },
      { nextExpiry: OPENED_AT + 2 * DAY },
      {},
    ]
    const handle = await wallet(stage, () => looks.shift() ?? {})
    await rested(handle)
    await handle.signal(walletChanged)
    await rested(handle)
    await handle.signal(walletChanged)
    await handle.result()
    return handle
  },

  async 'wallet-expiry-parked-and-retried'(stage) {
    let look: () => WalletLook = refuse
    const handle = await wallet(stage, () => look())
    await parked(handle)
    look = () => ({})
    await operatorRetries(handle)
    await handle.result()
    return handle
  },

  async 'wallet-expiry-parked-and-skipped'(stage) {
    const handle = await wallet(stage, refuse)
    await parked(handle)
    await operatorSkips(handle)
    await handle.result()
    return handle
  },

  async 'wallet-expiry-carried-on'(stage) {
    const handle = await wallet(stage, () => ({ nextExpiry: OPENED_AT }))
    await rested(handle)
    return toldMuch(stage.name, handle, () => handle.signal(walletChanged))
  },

  'top-up-succeeded': (stage) => topUpStory(stage, () => 'succeeded'),

  'top-up-declined': (stage) => topUpStory(stage, () => 'declined'),

  'top-up-parked-and-retried'(stage) {
    let charge: () => 'succeeded' = refuse
    return topUpStory(
      stage,
      () => charge(),
      async (handle) => {
        await parked(handle)
        charge = () => 'succeeded'
        await operatorRetries(handle)
      },
    )
  },

  'top-up-parked-and-skipped': (stage) =>
    topUpStory(stage, refuse, async (handle) => {
      await parked(handle)
      await operatorSkips(handle)
    }),
}
