import { WithStartWorkflowOperation } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import type { RefundView } from '../../activities/follow-refund.ts'
import type { CommandInput } from '../../activities/run-command.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import type { RefundOpening } from '../../domain/refunds.ts'
import { refundStart } from '../../inbox/starts.ts'
import { refundDecided, refundTried, retry, skip, state, stripeChanged } from '../../workflows/messages.ts'
import { detailsOf, following, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
type Client = typeof stage.environment.client
const DAY = 86_400_000

const projectId = deriveId('prj', 'workflow test')
const subscriptionId = deriveId('sbs', 'workflow test')
let counter = 0

/** A refund of its own for each test, asked for now. */
async function newRefund(opening?: RefundOpening) {
  counter += 1
  const refundId = deriveId('rfd', 'workflow test', String(counter))
  const requestedAt = await stage.environment.currentTimeMs()
  const looks: number[] = []
  const view: RefundView = {
    status: 'pending',
    amount: 4_900,
    currency: 'brl',
    requestedBy: 'key_1',
    requestedAt,
  }
  const start = refundStart({
    projectId,
    refundId,
    userId: 'user-1',
    correlationId: 'test',
    clockId: null,
    ...(opening && { opening }),
  })
  return {
    start,
    view,
    /** When Stripe was asked, in days since the request. */
    looks,
    follow: async (): Promise<RefundView> => {
      looks.push(((await stage.environment.currentTimeMs()) - requestedAt) / DAY)
      return { ...view }
    },
    attempt: (client: Client) =>
      client.workflow.executeUpdateWithStart(refundTried, {
        startWorkflowOperation: new WithStartWorkflowOperation('refund', start),
      }),
  }
}

describe('refund', () => {
  it('is made at once and ends', async () => {
    const { start, view, follow, looks, attempt } = await newRefund()
    view.status = 'succeeded'
    await stage.play({ followRefund: follow }, async (client) => {
      await attempt(client)
      expect(looks).toHaveLength(1)
      const handle = client.workflow.getHandle(start.workflowId)
      expect(await handle.result()).toBe('succeeded')
    })
  })

  it('looks by itself while the bank takes its time, and sooner when there is news', async () => {
    const { start, view, follow, looks } = await newRefund()
    await stage.play({ followRefund: follow }, async (client) => {
      const handle = await client.workflow.start('refund', start)
      await stage.environment.sleep(1.5 * DAY)
      expect(looks.map((day) => Math.round(day * 24 * 60))).toEqual([0, 5, 60, 360, 1440])
      expect(await handle.query(state)).toMatchObject({
        status: 'pending',
        waitingFor: 'the bank to take the money',
      })
      view.status = 'succeeded'
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 're_1' })
      expect(await handle.result()).toBe('succeeded')
      expect(looks.at(-1)).toBeLessThan(1.6)
    })
  })

  it('asks a person when the bank has been silent for a month', async () => {
    const { start, follow } = await newRefund()
    await stage.play({ followRefund: follow }, async (client) => {
      const handle = await client.workflow.start('refund', start)
      await stage.environment.sleep(31 * DAY)
      await soon(() => handle.query(state)).toMatchObject({ attention: 'refund_stuck' })
      expect(await detailsOf(handle)).toContain('has been on its way for a month')
      await handle.terminate()
    })
  })

  it('waits for a second person without asking Stripe, and goes on when they have decided', async () => {
    const { start, view, follow, looks } = await newRefund()
    view.status = 'awaiting_approval'
    await stage.play({ followRefund: follow }, async (client) => {
      const handle = await client.workflow.start('refund', start)
      await soon(() => handle.query(state)).toMatchObject({ status: 'awaiting_approval' })
      expect(await detailsOf(handle)).toContain('BRL 49.00 waits for a second person')
      await stage.environment.sleep(40 * DAY)
      expect(looks).toHaveLength(1)
      view.status = 'succeeded'
      await handle.signal(refundDecided)
      expect(await handle.result()).toBe('succeeded')
    })
  })

  it('ends the subscription, once, when its workflow does not run', async () => {
    const { start, view, follow } = await newRefund()
    view.status = 'succeeded'
    view.cancels = {
      projectId,
      subscriptionId,
      paymentId: deriveId('pay', '1'),
      stripeSubscriptionId: 'sub_1',
    }
    const commands: CommandInput[] = []
    const runCommand = async (command: CommandInput) => {
      commands.push(command)
      return { followed: following({ ...known, status: 'canceled' }) }
    }
    await stage.play({ followRefund: follow, runCommand }, async (client) => {
      const handle = await client.workflow.start('refund', start)
      expect(await handle.result()).toBe('succeeded')
    })
    expect(commands).toMatchObject([
      { command: { kind: 'cancel', at: 'now', keepsMoney: true }, cause: { by: 'key_1' } },
    ])
  })

  it('that there is nothing of ends without a look', async () => {
    const opening: RefundOpening = {
      kind: 'cancellation',
      ownerId: subscriptionId,
      invoiceId: 'in_1',
      endedAt: 0,
      by: 'key_1',
    }
    const { start, follow, looks } = await newRefund(opening)
    await stage.play({ openRefund: async () => false, followRefund: follow }, async (client) => {
      const handle = await client.workflow.start('refund', start)
      expect(await handle.result()).toBe('nothing')
    })
    expect(looks).toEqual([])
  })

  it('is parked on what Stripe does not know, and goes on when an operator says so', async () => {
    const { start, view, follow } = await newRefund()
    let isLost = true
    const followRefund = async () => {
      if (isLost) throw new BillingError('provider_object_missing')
      return follow()
    }
    view.status = 'succeeded'
    await stage.play({ followRefund, recordOperatorAction: async () => true }, async (client) => {
      const handle = await client.workflow.start('refund', start)
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_object_missing' })
      isLost = false
      await handle.executeUpdate(retry, { args: [{ reason: 'The key is right now.', by: 'ana' }] })
      expect(await handle.result()).toBe('succeeded')
    })
  })

  it('is given up when an operator goes on without it', async () => {
    const { start } = await newRefund()
    const followRefund = async () => {
      throw new BillingError('provider_object_missing')
    }
    const played = {
      followRefund,
      skipRefund: async () => 'failed' as const,
      recordOperatorAction: async () => true,
    }
    await stage.play(played, async (client) => {
      const handle = await client.workflow.start('refund', start)
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_object_missing' })
      await handle.executeUpdate(skip, { args: [{ reason: 'It was a test.', by: 'ana' }] })
      expect(await handle.result()).toBe('failed')
    })
  })

  it('is not given up before Stripe has said that it was not made', async () => {
    const { start } = await newRefund()
    let isSilent = true
    const trouble = async () => {
      throw new BillingError('provider_refused')
    }
    const played = {
      followRefund: trouble,
      skipRefund: async () => (isSilent ? trouble() : ('succeeded' as const)),
      recordOperatorAction: async () => true,
    }
    const skips = { args: [{ reason: 'It was a test.', by: 'ana' }] } as const
    await stage.play(played, async (client) => {
      const handle = await client.workflow.start('refund', start)
      for (const note of ['could not be followed', 'whether the refund was made']) {
        await soon(() => detailsOf(handle)).toContain(note)
        await handle.executeUpdate(skip, { args: [...skips.args] })
      }
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_refused' })
      isSilent = false
      await handle.executeUpdate(retry, { args: [...skips.args] })
      expect(await handle.result()).toBe('succeeded')
    })
  })
})

const known = {
  revision: 1,
  planId: 'pro',
  planVersion: 1,
  quantity: 1,
  status: 'active' as const,
  currentPeriodStart: 0,
  currentPeriodEnd: 0,
  cancelAtPeriodEnd: false,
  openCases: 0,
  graceEnded: false,
}
