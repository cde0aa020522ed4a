import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRecordCheckout, createRecordRefusal } from '../../activities/record-checkout.ts'
import { inProject } from '../../db/client.ts'
import { creditLots } from '../../db/schema/index.ts'
import type { ChargeAttempt, CheckoutSnapshot } from '../../domain/checkout.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { expectNoGaps, ledgerSums, recorded, sixteenTimes } from './recorded.ts'

const at = new Date('2030-01-01T10:00:00Z')
const brl = (amount: number) => money(amount, currency('brl'))

let seeded: Seeded
let projectId: ProjectId
let recordCheckout: ReturnType<typeof createRecordCheckout>
let recordRefusal: ReturnType<typeof createRecordRefusal>
beforeAll(async () => {
  seeded = await openDatabase()
  const dependencies = {
    database: seeded.connections.application,
    provider: createScriptedProvider().provider,
    now: () => at,
    ticker: noTicker,
  }
  recordCheckout = createRecordCheckout(dependencies)
  recordRefusal = createRecordRefusal(dependencies)
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
})

let charges = 0
const attempt = (outcome: ChargeAttempt['outcome'], seen: Partial<ChargeAttempt> = {}): ChargeAttempt => ({
  stripeChargeId: `ch_${String((charges += 1)).padStart(4, '0')}`,
  money: brl(2500),
  outcome,
  attemptedAt: at.getTime() - 1000,
  ...seen,
})
const open = (seen: Partial<CheckoutSnapshot> = {}): CheckoutSnapshot => ({
  session: 'open',
  payment: 'unpaid',
  settlement: 'none',
  total: brl(2500),
  attempts: [],
  ...seen,
})
const paid = (seen: Partial<CheckoutSnapshot> = {}): CheckoutSnapshot =>
  open({
    session: 'complete',
    payment: 'paid',
    attempts: [attempt('succeeded')],
    stripePaymentIntentId: `pi_${charges}`,
    ...seen,
  })
const declined = { declineCode: 'insufficient_funds', adviceCode: 'try_again_later' }

describe('a payment that succeeds', () => {
  it('is written with its attempt, ledger entry, audit and events in one go', async () => {
    const { paymentId } = await seedPayment(seeded, projectId, { buys: { product: 'book' } })
    const snapshot = paid()
    expect(await recordCheckout({ projectId, paymentId, snapshot })).toBe('succeeded')

    const found = await recorded(seeded, projectId)
    expect(found.payments).toMatchObject([
      {
        status: 'succeeded',
        amountReceived: 2500,
        failureCode: null,
        stripePaymentIntentId: snapshot.stripePaymentIntentId,
      },
    ])
    expect(found.attempts).toMatchObject([{ outcome: 'succeeded', amount: 2500, currency: 'brl' }])
    expect(found.entries).toMatchObject([{ intent: `${paymentId}/succeeded`, userId: 'user-1' }])
    expect(found.transfers).toMatchObject([
      { debitAccount: 'stripe_balance', creditAccount: 'revenue', amount: 2500, currency: 'brl' },
    ])
    expect(found.audit.map(({ action }) => action)).toEqual(['payment.accepted', 'payment.succeeded'])
    expect(found.audit[1]).toMatchObject({
      actor: 'stripe',
      subjectId: paymentId,
      correlationId: 'corr-1',
      before: { status: 'pending' },
      after: { status: 'succeeded', amount_received: 2500 },
      occurredAt: at,
    })
    expect(found.told).toEqual(['payment.created', 'payment.succeeded'])
    expect(found.events[1]).toMatchObject({
      subject: paymentId,
      source: `/projects/${projectId}`,
      sequence: 2,
      correlationid: 'corr-1',
      time: at.toISOString(),
      data: { payment_id: paymentId, status: 'succeeded', amount_received: 2500, metadata: { order: '7' } },
    })
    expectNoGaps(found)
  })

  it('is written once, whoever repeats it sixteen times at once', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const snapshot = paid()
    const statuses = await sixteenTimes(() => recordCheckout({ projectId, paymentId, snapshot }))
    expect(new Set(statuses)).toEqual(new Set(['succeeded']))
    const found = await recorded(seeded, projectId)
    expect(found.told).toEqual(['payment.created', 'payment.succeeded'])
    expect([found.entries.length, found.transfers.length, found.audit.length, found.attempts.length]).toEqual(
      [1, 1, 2, 1],
    )
    expectNoGaps(found)
  })

  it('stays succeeded when older looks come late, and so do its attempts', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const charge = attempt('succeeded')
    await recordCheckout({ projectId, paymentId, snapshot: paid({ attempts: [charge] }) })
    const before = await recorded(seeded, projectId)
    for (const older of [
      open(),
      open({ attempts: [{ ...charge, outcome: 'pending' }] }),
      open({ session: 'complete', settlement: 'failed' }),
      open({ session: 'expired' }),
    ])
      expect(await recordCheckout({ projectId, paymentId, snapshot: older })).toBe('succeeded')
    expect(await recorded(seeded, projectId)).toEqual(before)
  })

  it('of a pack of credits is owed to the customer, not earned', async () => {
    const { paymentId } = await seedPayment(seeded, projectId, { buys: { product: 'credits' } })
    await recordCheckout({ projectId, paymentId, snapshot: paid() })
    const { transfers } = await recorded(seeded, projectId)
    const byCurrency = transfers.toSorted((one, other) => one.currency.localeCompare(other.currency))
    expect(byCurrency).toMatchObject([
      { debitAccount: 'stripe_balance', creditAccount: 'customer_credits', amount: 2500, currency: 'brl' },
      {
        debitAccount: 'credits_sold',
        creditAccount: 'customer_credits',
        amount: 5_000_000,
        currency: 'credits',
      },
    ])
  })

  it('of a pack of credits fills the wallet in the same transaction, once however often it is recorded', async () => {
    const { paymentId } = await seedPayment(seeded, projectId, { buys: { product: 'credits' } })
    const snapshot = paid()
    await sixteenTimes(() => recordCheckout({ projectId, paymentId, snapshot }))
    const found = await recorded(seeded, projectId)
    expect(found.told).toEqual(['payment.created', 'payment.succeeded', 'credits.purchased'])
    expect(found.events[2]).toMatchObject({
      topic: 'quittance.credits',
      subject: 'user-1',
      data: {
        payment_id: paymentId,
        product_id: 'credits',
        amount: 5_000_000,
        balance: 5_000_000,
        price: 2500,
        currency: 'brl',
        auto_top_up: false,
      },
    })
    expectNoGaps(found)
    const lots = await inProject(seeded.connections.application, projectId, (transaction) =>
      transaction.select().from(creditLots),
    )
    expect(lots).toMatchObject([
      { kind: 'purchase', amount: 5_000_000, remaining: 5_000_000, paymentId, price: 2500, expiresAt: null },
    ])
    expect(await ledgerSums(seeded)).not.toContainEqual(
      expect.objectContaining({ sum: expect.not.stringMatching(/^0$/) as string }),
    )
  })

  it('of a taxed pack owes no more in credits than the ledger does', async () => {
    const { paymentId } = await seedPayment(seeded, projectId, { buys: { product: 'credits' } })
    await recordCheckout({ projectId, paymentId, snapshot: paid({ tax: 400 }) })
    const { transfers } = await recorded(seeded, projectId)
    const owed = transfers.find(
      ({ creditAccount, currency: code }) => creditAccount === 'customer_credits' && code === 'brl',
    )
    const [lot] = await inProject(seeded.connections.application, projectId, (transaction) =>
      transaction.select().from(creditLots),
    )
    expect([owed?.amount, lot?.price]).toEqual([2_100, 2_100])
  })

  it('of a trial moves no money and is a success all the same', async () => {
    const { paymentId } = await seedPayment(seeded, projectId, { buys: { plan: 'pro' } })
    const trial = open({ session: 'complete', payment: 'no_payment_required', total: brl(0) })
    expect(await recordCheckout({ projectId, paymentId, snapshot: trial })).toBe('succeeded')
    const found = await recorded(seeded, projectId)
    expect([found.entries, found.transfers]).toEqual([[], []])
    expect(found.payments).toMatchObject([{ status: 'succeeded', amountReceived: 0 }])
    expect(found.events[1]).toMatchObject({ data: { amount: 9900, amount_received: 0 } })
  })

  it('owns the subscription and the invoice that came of it, for the subscription', async () => {
    const { paymentId, subscriptionId } = await seedPayment(seeded, projectId, { buys: { plan: 'pro' } })
    const snapshot = paid({ stripeSubscriptionId: `sub_${charges}`, stripeInvoiceId: `in_${charges}` })
    await recordCheckout({ projectId, paymentId, snapshot })
    const owners = await seeded.connections.systemClient<{ stripe_id: string; owner_id: string }[]>`
      select stripe_id, owner_id from stripe_objects where project_id = ${projectId}`
    expect(new Map(owners.map((row) => [row.stripe_id, row.owner_id]))).toEqual(
      new Map<string | undefined, string | null>([
        [snapshot.stripeSubscriptionId, subscriptionId],
        [snapshot.stripeInvoiceId, subscriptionId],
        [snapshot.stripePaymentIntentId, paymentId],
        [snapshot.attempts[0]?.stripeChargeId, paymentId],
      ]),
    )
  })
})

describe('a payment that is declined', () => {
  it('stays open for another card, with its attempt written', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const snapshot = open({ attempts: [attempt('failed', declined)] })
    expect(await recordCheckout({ projectId, paymentId, snapshot })).toBe('pending')
    const found = await recorded(seeded, projectId)
    expect(found.attempts).toMatchObject([{ outcome: 'failed', ...declined }])
    expect(found.told).toEqual(['payment.created'])
  })

  it('and then paid succeeds with both attempts, the money entered once', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const first = attempt('failed', declined)
    await recordCheckout({ projectId, paymentId, snapshot: open({ attempts: [first] }) })
    const second = attempt('succeeded')
    await recordCheckout({ projectId, paymentId, snapshot: paid({ attempts: [first, second] }) })
    const found = await recorded(seeded, projectId)
    expect(found.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'succeeded'])
    expect(found.payments).toMatchObject([{ status: 'succeeded', failureCode: null }])
    expect(found.transfers).toHaveLength(1)
  })

  it('to the end of its page fails with the last decline code', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const snapshot = open({
      session: 'expired',
      attempts: [attempt('failed', { declineCode: 'expired_card' }), attempt('failed', declined)],
    })
    expect(await recordCheckout({ projectId, paymentId, snapshot })).toBe('failed')
    const found = await recorded(seeded, projectId)
    expect(found.told).toEqual(['payment.created', 'payment.failed'])
    expect(found.events[1]).toMatchObject({ data: { status: 'failed', failure_code: 'insufficient_funds' } })
    expect(found.entries).toEqual([])
  })

  it('has each attempt followed from pending to its end', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const pending = attempt('pending')
    await recordCheckout({
      projectId,
      paymentId,
      snapshot: open({ session: 'complete', settlement: 'processing', attempts: [pending] }),
    })
    const ended = open({
      session: 'complete',
      settlement: 'failed',
      attempts: [{ ...pending, outcome: 'failed', ...declined }],
    })
    expect(await recordCheckout({ projectId, paymentId, snapshot: ended })).toBe('failed')
    const { attempts } = await recorded(seeded, projectId)
    expect(attempts).toMatchObject([{ outcome: 'failed', ...declined }])
  })
})

describe('a payment that nobody completes', () => {
  it('expires, and is told so once', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const snapshot = open({ session: 'expired' })
    await sixteenTimes(() => recordCheckout({ projectId, paymentId, snapshot }))
    const found = await recorded(seeded, projectId)
    expect(found.payments).toMatchObject([{ status: 'expired', amountReceived: 0 }])
    expect(found.told).toEqual(['payment.created', 'payment.expired'])
    expectNoGaps(found)
  })

  it.each([
    ['expired', open({ session: 'expired' })],
    ['failed', open({ session: 'complete', settlement: 'failed' })],
  ])('and is %s still succeeds when the money comes after all', async (status, ended) => {
    const { paymentId } = await seedPayment(seeded, projectId)
    expect(await recordCheckout({ projectId, paymentId, snapshot: ended })).toBe(status)
    const snapshot = paid()
    await sixteenTimes(() => recordCheckout({ projectId, paymentId, snapshot }))
    const found = await recorded(seeded, projectId)
    expect(found.payments).toMatchObject([{ status: 'succeeded', amountReceived: 2500 }])
    expect(found.told).toEqual(['payment.created', `payment.${status}`, 'payment.succeeded'])
    expect(found.entries).toHaveLength(1)
    expectNoGaps(found)
  })
})

describe('a payment page that Stripe refuses to open', () => {
  it('fails the payment, told once with the code of the refusal', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    const statuses = await sixteenTimes(() =>
      recordRefusal({ projectId, paymentId, code: 'provider_refused' }),
    )
    expect(new Set(statuses)).toEqual(new Set(['failed']))
    const found = await recorded(seeded, projectId)
    expect(found.told).toEqual(['payment.created', 'payment.failed'])
    expect(found.events[1]).toMatchObject({ data: { failure_code: 'provider_refused' } })
    expect(found.audit.map(({ action }) => action)).toEqual(['payment.accepted', 'payment.refused'])
    expectNoGaps(found)
  })

  it('does not undo a payment that has succeeded', async () => {
    const { paymentId } = await seedPayment(seeded, projectId)
    await recordCheckout({ projectId, paymentId, snapshot: paid() })
    expect(await recordRefusal({ projectId, paymentId, code: 'provider_refused' })).toBe('succeeded')
    expect((await recorded(seeded, projectId)).told).toEqual(['payment.created', 'payment.succeeded'])
  })
})

describe('all looks at a payment, in all orders', () => {
  const orders = <Item>(items: Item[]): Item[][] =>
    items.length <= 1
      ? [items]
      : items.flatMap((item, index) => orders(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))

  it('end in the same records', async () => {
    const first = attempt('failed', declined)
    const second = attempt('succeeded')
    const looks = [
      open(),
      open({ attempts: [first] }),
      open({
        session: 'complete',
        settlement: 'processing',
        attempts: [first, { ...second, outcome: 'pending' }],
      }),
      paid({ attempts: [first, second] }),
    ]
    for (const order of orders(looks)) {
      const { paymentId } = await seedPayment(seeded, projectId)
      for (const snapshot of order) await recordCheckout({ projectId, paymentId, snapshot })
      const { payments, attempts, entries, events } = await recorded(seeded, projectId)
      expect(payments.find((row) => row.paymentId === paymentId)?.status).toBe('succeeded')
      expect(attempts.filter((row) => row.paymentId === paymentId).map(({ outcome }) => outcome)).toEqual([
        'failed',
        'succeeded',
      ])
      expect(entries.filter(({ intent }) => intent.startsWith(paymentId))).toHaveLength(1)
      expect(events.filter(({ subject }) => subject === paymentId)).toHaveLength(2)
    }
  })

  it('leave the ledger at zero over all accounts, per currency', async () => {
    const sums = await ledgerSums(seeded)
    expect(sums.map(({ currency: code }) => code)).toContain('brl')
    expect(sums.filter(({ sum }) => sum !== '0')).toEqual([])
  })
})
