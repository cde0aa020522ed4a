import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createChargeTopUp, createSkipTopUp } from '../../activities/charge-top-up.ts'
import { inProject } from '../../db/client.ts'
import { consumeCredits } from '../../db/consume-credits.ts'
import { ensureCustomer, setStripeCustomer } from '../../db/customers.ts'
import { topUps, wallets } from '../../db/schema/index.ts'
import { grantCredits } from '../../db/wallet-movements.ts'
import { setWallet } from '../../db/wallet-settings.ts'
import { type HeldWallet, holdWallet } from '../../db/wallets.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { ledgerSums, recorded, sixteenTimes } from './recorded.ts'
import { createStage, type Stage } from './sold.ts'

let seeded: Seeded
let projectId: ProjectId
let stage: Stage
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
  stage = createStage(seeded)
  stage.state.cards = [{ paymentMethodId: 'pm_1', answer: 'pays', isDefault: true }]
})

const userId = 'user-1'
const asked = { actor: 'key_test', correlationId: 'corr-1', why: 'A test' }
const PACK = 5_000_000

const inWallet = <Result>(work: (held: HeldWallet) => Promise<Result>): Promise<Result> =>
  inProject(seeded.connections.application, projectId, async (transaction) => {
    const customer = await ensureCustomer(transaction, {
      projectId,
      userId,
      email: undefined,
      livemode: false,
      clockId: undefined,
    })
    await setStripeCustomer(transaction, customer, `cus_${projectId}`)
    return work(await holdWallet(transaction, customer))
  })

/** A wallet that holds a million, and buys a pack when it falls below half of that. */
async function openWallet(maxPerDay = 3): Promise<void> {
  await inWallet(async (held) => {
    await grantCredits(held, {
      grantId: 'start',
      kind: 'bonus',
      amount: 1_000_000,
      expiresAt: undefined,
      reason: 'Welcome',
      watchedBy: '',
      ...asked,
    })
  })
  await setTopUp(maxPerDay)
}
const setTopUp = (maxPerDay = 3) =>
  inWallet((held) =>
    setWallet(
      held,
      {
        minimumBalance: 0,
        lowBalanceThreshold: null,
        autoTopUp: { productId: 'credits', threshold: 500_000, maxPerDay },
      },
      asked,
    ),
  )

let usages = 0
const consume = (amount: number) =>
  consumeCredits(seeded.connections.application, {
    projectId,
    userId,
    livemode: false,
    usageId: `usage-${(usages += 1)}`,
    amount,
    description: undefined,
    actor: 'key_test',
    correlationId: 'corr-1',
  })
const listTopUps = () =>
  inProject(seeded.connections.application, projectId, (transaction) =>
    transaction.select().from(topUps).orderBy(topUps.requestedAt),
  )
const walletNow = async () => {
  const [row] = await inProject(seeded.connections.application, projectId, (transaction) =>
    transaction.select().from(wallets),
  )
  return row
}
async function requested() {
  const open = (await listTopUps()).find(({ endedAt }) => endedAt === null)
  if (!open) throw new Error('no top-up was requested')
  return { projectId, paymentId: open.paymentId }
}
const chargeIt = async () => createChargeTopUp(stage.dependencies)(await requested())
const charges = () => [...stage.state.cardCharges.values()].filter(({ outcome }) => outcome === 'succeeded')

describe('a top-up', () => {
  it('is wanted once the balance falls below the threshold, and one at a time', async () => {
    await openWallet()
    await consume(500_000)
    expect(await listTopUps()).toEqual([])
    await Promise.all([consume(1), consume(1), consume(1), consume(1)])
    expect(await listTopUps()).toMatchObject([
      { status: 'requested', productId: 'credits', paymentMethodId: null },
    ])
  })

  it('is wanted when consuming is refused, because nothing would ever be consumed again', async () => {
    await openWallet()
    await expect(consume(1_000_001)).rejects.toMatchObject({ code: 'insufficient_credits' })
    expect(await listTopUps()).toMatchObject([{ status: 'requested', wantedBalance: 1_000_001 }])
  })

  it('charges the default card, and brings the credits with the payment and its events', async () => {
    await openWallet()
    await consume(600_000)
    expect(await chargeIt()).toBe('succeeded')
    expect(charges()).toHaveLength(1)
    expect(await walletNow()).toMatchObject({ balance: 400_000 + PACK, topUpStopped: null })
    const { payments, told, attempts, events } = await recorded(seeded, projectId)
    expect(payments).toMatchObject([
      { status: 'succeeded', type: 'credits', amountReceived: 2500, stripePaymentIntentId: 'pi_1' },
    ])
    expect(attempts).toMatchObject([{ outcome: 'succeeded', stripeChargeId: 'ch_card_1' }])
    expect(told.slice(-3)).toEqual(['payment.created', 'payment.succeeded', 'credits.purchased'])
    expect(events.at(-1)?.data).toMatchObject({ auto_top_up: true, price: 2500, amount: PACK })
    expect(await listTopUps()).toMatchObject([{ status: 'succeeded', paymentMethodId: 'pm_1' }])
    expect((await ledgerSums(seeded)).every(({ sum }) => Number(sum) === 0)).toBe(true)
  })

  it('charges once when sixteen workers do it at once', async () => {
    await openWallet()
    await consume(600_000)
    const input = await requested()
    const statuses = await sixteenTimes(() => createChargeTopUp(stage.dependencies)(input))
    expect(new Set(statuses)).toEqual(new Set(['succeeded']))
    expect(charges()).toHaveLength(1)
    expect(await walletNow()).toMatchObject({ balance: 400_000 + PACK })
  })

  it.each([
    ['its answer is lost', () => stage.scripted.fail('chargeCard', 'lost_answer')],
    ['Stripe cannot be reached', () => stage.scripted.fail('chargeCard', 'refused_connection')],
    ['Stripe fails and says so again and again', () => stage.scripted.fail('chargeCard', 'stored_failure')],
    [
      'its answer is lost and Stripe has forgotten the key',
      () => {
        stage.scripted.fail('chargeCard', 'lost_answer')
        return () => {
          stage.scripted.forgetKeys()
          stage.state.at = Date.now() + 25 * 3_600_000
        }
      },
    ],
  ])('charges once when %s', async (_what, goWrong) => {
    await openWallet()
    await consume(600_000)
    const later = goWrong()
    await expect(chargeIt()).rejects.toThrow('The payment provider')
    if (typeof later === 'function') later()
    expect(await chargeIt()).toBe('succeeded')
    expect(charges()).toHaveLength(1)
    expect(await walletNow()).toMatchObject({ balance: 400_000 + PACK })
  })

  it('charges once, and the card that was chosen first, when the worker is killed after the charge', async () => {
    await openWallet()
    await consume(600_000)
    const { provider } = stage.dependencies
    const killed = createChargeTopUp({
      ...stage.dependencies,
      provider: {
        ...provider,
        async chargeCard(request, key) {
          await provider.chargeCard(request, key)
          throw new Error('killed')
        },
      },
    })
    await expect(killed(await requested())).rejects.toThrow('killed')
    stage.state.cards = [
      { paymentMethodId: 'pm_2', answer: 'pays', isDefault: true },
      { paymentMethodId: 'pm_1', answer: 'pays' },
    ]
    expect(await chargeIt()).toBe('succeeded')
    expect(charges()).toHaveLength(1)
    expect(await listTopUps()).toMatchObject([{ paymentMethodId: 'pm_1' }])
  })

  it.each([
    [
      'declined',
      'insufficient_funds',
      [{ paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true }],
    ],
    ['not there', 'no_payment_method', []],
  ])(
    'whose card is %s ends, is told, and is not tried again until somebody sets it anew',
    async (_what, code, cards) => {
      await openWallet()
      stage.state.cards = cards
      await consume(600_000)
      expect(await chargeIt()).toBe('declined')
      expect(await walletNow()).toMatchObject({ balance: 400_000, topUpStopped: code })
      const { told, events, payments } = await recorded(seeded, projectId)
      expect(told.slice(-3)).toEqual(['payment.failed', 'credits.top_up_failed', 'notice.top_up_failed'])
      expect(events.at(-2)?.data).toMatchObject({ product_id: 'credits', failure_code: code })
      expect(payments).toMatchObject([{ status: 'failed' }])
      await consume(1)
      await expect(consume(1_000_000)).rejects.toThrow('micro-dollars of credits left')
      expect(await listTopUps()).toHaveLength(1)

      stage.state.cards = [{ paymentMethodId: 'pm_3', answer: 'pays', isDefault: true }]
      await setTopUp()
      await consume(1)
      expect(await chargeIt()).toBe('succeeded')
      expect(charges()).toHaveLength(1)
    },
  )

  it('happens at most so many times a day', async () => {
    await openWallet(2)
    for (let round = 0; round < 2; round += 1) {
      await consume((await walletNow())?.balance ?? 0)
      expect(await chargeIt()).toBe('succeeded')
    }
    await consume((await walletNow())?.balance ?? 0)
    await expect(consume(1)).rejects.toThrow('micro-dollars of credits left')
    expect(await listTopUps()).toHaveLength(2)
    expect(charges()).toHaveLength(2)
  })

  it('that is not needed any more charges nothing', async () => {
    await openWallet()
    await consume(600_000)
    await inWallet((held) =>
      grantCredits(held, {
        grantId: 'help',
        kind: 'bonus',
        amount: 1_000_000,
        expiresAt: undefined,
        reason: 'Help',
        watchedBy: '',
        ...asked,
      }),
    )
    expect(await chargeIt()).toBe('skipped')
    expect(stage.state.cardCharges.size).toBe(0)
    expect((await recorded(seeded, projectId)).payments).toEqual([])
  })

  it('that an operator leaves out ends, and buys nothing more by itself', async () => {
    await openWallet()
    await consume(600_000)
    stage.scripted.fail('chargeCard', 'refused_connection')
    await expect(chargeIt()).rejects.toThrow('The payment provider')
    const input = await requested()
    expect(await createSkipTopUp(stage.dependencies)(input)).toBe('skipped')
    expect((await recorded(seeded, projectId)).payments).toMatchObject([{ status: 'failed' }])
    expect(await walletNow()).toMatchObject({ topUpStopped: 'skipped_by_operator' })
    expect(await createChargeTopUp(stage.dependencies)(input)).toBe('skipped')
    expect(charges()).toHaveLength(0)
  })
})
