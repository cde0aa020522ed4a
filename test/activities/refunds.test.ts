import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFollowRefund } from '../../activities/follow-refund.ts'
import { createOpenCheckout } from '../../activities/open-checkout.ts'
import { createOpenRefund } from '../../activities/open-refund.ts'
import { createRecordCheckout } from '../../activities/record-checkout.ts'
import { createSkipRefund } from '../../activities/skip-refund.ts'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { acceptRefund } from '../../db/accept-refund.ts'
import { ownerOfPayment } from '../../db/charge-owners.ts'
import { lockCharge } from '../../db/charges.ts'
import { inProject } from '../../db/client.ts'
import { consumeCredits } from '../../db/consume-credits.ts'
import { mintId } from '../../db/mint-id.ts'
import { readPayment } from '../../db/payments.ts'
import { listRefundsOfCharge, readRefund, type RefundRow, updateRefund } from '../../db/refunds.ts'
import { setRefundPolicy } from '../../db/refund-policies.ts'
import { findWallet } from '../../db/wallets.ts'
import { BillingError } from '../../domain/errors.ts'
import type { PaymentId, ProjectId, RefundId } from '../../domain/ids.ts'
import { defaultRefundPolicy } from '../../domain/refunds.ts'
import { createStripeClient } from '../../providers/stripe/client.ts'
import { createStripeProvider } from '../../providers/stripe/provider.ts'
import { capture, type Captured } from '../support/captured.ts'
import { createLocalStripe, type LocalStripe } from '../support/local-stripe.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { createStripe } from '../support/stack.ts'
import { expectNoGaps, ledgerSums, recorded } from './recorded.ts'

const HOUR = 3_600_000

let seeded: Seeded
let server: Awaited<ReturnType<typeof createStripe>>
let stripe: LocalStripe
let dependencies: ActivityDependencies
let projectId: ProjectId
let later_ms = 0

beforeAll(async () => {
  ;[seeded, server] = await Promise.all([openDatabase(10), createStripe()])
  stripe = createLocalStripe(server.apiBase)
  dependencies = {
    database: seeded.connections.application,
    provider: createStripeProvider(createStripeClient(server)),
    now: () => new Date(Date.now() + later_ms),
    ticker: { tick: async () => false },
  }
})
afterAll(() => Promise.all([seeded.close(), server.stop()]))
beforeEach(async () => {
  projectId = await seedProject(seeded)
  later_ms = 0
})
afterEach(() => stripe.endFaults())

const inTenant = <Result>(work: Parameters<typeof inProject<Result>>[2]) =>
  inProject(seeded.connections.application, projectId, work)

async function accept({ payment, stripeChargeId }: Captured, amount?: number): Promise<RefundId> {
  const reading = await dependencies.provider.readCharge({ chargeId: stripeChargeId })
  if (!reading) throw new Error('nothing was captured')
  const refundId = mintId('rfd')
  await inTenant(async (transaction) => {
    const charge = await lockCharge(transaction, ownerOfPayment(payment), reading)
    await acceptRefund(transaction, charge, reading, {
      refundId,
      amount,
      reason: undefined,
      origin: 'request',
      terms: () => ({ status: 'pending', subscriptionAction: 'keep' }),
      requestedBy: 'key_test',
      takesCredits: true,
      at: new Date(),
      why: 'A test.',
    })
  })
  return refundId
}

const follow = (refundId: RefundId) =>
  createFollowRefund(dependencies)({ projectId, refundId, cause: { by: 'stripe' } })

/** As Temporal would: again until it ends. */
async function followUntilDone(refundId: RefundId): Promise<{ status: string; tries: number }> {
  for (let tries = 1; tries <= 50; tries += 1) {
    const view = await follow(refundId).catch(() => undefined)
    if (view) return { status: view.status, tries }
  }
  throw new Error('it does not end')
}

const rowOf = (refundId: RefundId): Promise<RefundRow> =>
  inTenant((transaction) => readRefund(transaction, projectId, refundId))
const refundsOf = async ({ stripeChargeId }: Captured): Promise<number> =>
  (await stripe.counts()).refunds_per_charge[stripeChargeId] ?? 0

describe('a refund is made once', () => {
  it('however often it is followed, by however many at once', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold)
    await Promise.all(Array.from({ length: 16 }, () => followUntilDone(refundId)))
    expect(await refundsOf(sold)).toBe(1)
    const { told, entries, payments } = await recorded(seeded, projectId)
    expect(told.filter((type) => type.includes('refund'))).toEqual([
      'refund.created',
      'refund.succeeded',
      'payment.refunded',
    ])
    expect(entries.filter(({ intent }) => intent.startsWith(refundId))).toHaveLength(1)
    expect(payments).toMatchObject([{ status: 'refunded', amountRefunded: sold.amount }])
  })

  it.each([1, 2, 3])('though Stripe’s answers are lost after the effect, run %i', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    await stripe.faults({ api: { lost_answer: 0.7, error_500: 0.2, paths: ['/v1/refunds'] } })
    expect((await followUntilDone(refundId)).status).toBe('succeeded')
    expect(await refundsOf(sold)).toBe(1)
  })

  it('though the answer is lost and the next try comes after 25 hours, when Stripe has forgotten the key', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    await stripe.faults({ api: { lost_answer: 1, paths: ['/v1/refunds'] } })
    await expect(follow(refundId)).rejects.toMatchObject({ code: 'provider_unavailable' })
    await stripe.endFaults()
    await stripe.forgetKeys()
    later_ms = 25 * HOUR
    expect(await follow(refundId)).toMatchObject({ status: 'succeeded' })
    expect(await refundsOf(sold)).toBe(1)
  })

  it('though a hundred others were made before its lost answer is looked up', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    await stripe.faults({ api: { lost_answer: 1, paths: ['/v1/refunds'] } })
    await expect(follow(refundId)).rejects.toMatchObject({ code: 'provider_unavailable' })
    await stripe.endFaults()
    for (let count = 0; count < 100; count += 1)
      await stripe.silently('POST /v1/refunds', { charge: sold.stripeChargeId, amount: 1 })
    await stripe.forgetKeys()
    later_ms = 25 * HOUR
    expect(await follow(refundId)).toMatchObject({ status: 'succeeded' })
    expect(await refundsOf(sold)).toBe(101)
  })

  it('though Stripe keeps a failure under its key', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    await stripe.faults({ api: { error_500: 1, paths: ['/v1/refunds'] } })
    await expect(follow(refundId)).rejects.toMatchObject({ code: 'provider_failed' })
    await stripe.endFaults()
    expect((await followUntilDone(refundId)).status).toBe('succeeded')
    expect(await refundsOf(sold)).toBe(1)
  })
})

describe('a refund that Stripe refuses', () => {
  it('because somebody was faster in the dashboard has failed, and its amount is free again', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold)
    await stripe.silently('POST /v1/refunds', { charge: sold.stripeChargeId, amount: 500 })
    expect(await follow(refundId)).toMatchObject({ status: 'failed' })
    expect(await rowOf(refundId)).toMatchObject({ stripeRefundId: null })
    expect(await rowOf(await accept(sold))).toMatchObject({ amount: sold.amount - 500 })
    const { told } = await recorded(seeded, projectId)
    expect(told).toContain('refund.failed')
  })

  it('because the bank wants the money back has failed', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold)
    await stripe.disputeCharge(sold.stripeChargeId)
    expect(await follow(refundId)).toMatchObject({ status: 'failed' })
  })
})

describe('a refund that an operator leaves out', () => {
  const skip = (refundId: RefundId) => createSkipRefund(dependencies)({ projectId, refundId })

  it('has failed, its amount is free again, and nobody takes it up', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId, { product: 'credits' })
    const refundId = await accept(sold)
    expect(await Promise.all([skip(refundId), skip(refundId)])).toEqual(['failed', 'failed'])
    expect(await rowOf(refundId)).toMatchObject({ status: 'failed', failureCode: 'skipped_by_operator' })
    const { told } = await recorded(seeded, projectId)
    expect(told.filter((type) => type.includes('refund'))).toEqual([
      'credits.refunded',
      'refund.created',
      'credits.refunded',
      'refund.failed',
      'alert.refund_failed',
    ])
    expect(await refundsOf(sold)).toBe(0)
    expect(await follow(refundId)).toMatchObject({ status: 'failed' })
    expect(await rowOf(await accept(sold))).toMatchObject({ amount: sold.amount })
  })

  it('is followed instead where Stripe has made it, though its answer was lost', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    await stripe.faults({ api: { lost_answer: 1, paths: ['/v1/refunds'] } })
    await expect(follow(refundId)).rejects.toMatchObject({ code: 'provider_unavailable' })
    await stripe.endFaults()
    expect(await skip(refundId)).toBe('succeeded')
    expect(await refundsOf(sold)).toBe(1)
    expect(await skip(refundId)).toBe('succeeded')
  })

  it('has failed also where Stripe knows nothing of its charge', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    const findRefund = async () => {
      throw new BillingError('provider_object_missing')
    }
    const provider = { ...dependencies.provider, findRefund }
    const skipRefund = createSkipRefund({ ...dependencies, provider })
    expect(await skipRefund({ projectId, refundId })).toBe('failed')
  })
})

describe('the ledger', () => {
  it('gives back what came back, and sums to nothing at each step', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 1_000)
    await follow(refundId)
    const balance = async () => {
      const { transfers } = await recorded(seeded, projectId)
      return transfers.reduce(
        (sum, { debitAccount, creditAccount, amount }) =>
          sum +
          (debitAccount === 'stripe_balance' ? amount : 0) -
          (creditAccount === 'stripe_balance' ? amount : 0),
        0,
      )
    }
    expect(await balance()).toBe(sold.amount - 1_000)
    await stripe.moveRefund((await rowOf(refundId)).stripeRefundId ?? '', 'failed', 'lost_or_stolen_card')
    expect(await follow(refundId)).toMatchObject({ status: 'failed', failureCode: 'lost_or_stolen_card' })
    expect(await balance()).toBe(sold.amount)
    for (const { sum } of await ledgerSums(seeded)) expect(sum).toBe('0')
    const records = await recorded(seeded, projectId)
    expectNoGaps(records)
    expect(records.payments).toMatchObject([{ status: 'succeeded', amountRefunded: 0 }])
  })
})

describe('a refund of the dashboard', () => {
  it('is taken over once, by however many events at once', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const made = await stripe.sdk.refunds.create({ charge: sold.stripeChargeId, amount: 700 })
    const refundId = mintId('rfd')
    const open = () =>
      createOpenRefund(dependencies)({
        projectId,
        refundId,
        opening: { kind: 'dashboard', stripeRefundId: made.id, ownerId: sold.payment.paymentId },
      })
    expect(await Promise.all(Array.from({ length: 8 }, open))).toEqual(Array.from({ length: 8 }, () => true))
    await followUntilDone(refundId)
    const rows = await inTenant((transaction) =>
      listRefundsOfCharge(transaction, { projectId, stripeChargeId: sold.stripeChargeId }),
    )
    expect(rows).toMatchObject([{ amount: 700, status: 'succeeded', origin: 'dashboard' }])
    expect(await refundsOf(sold)).toBe(1)
  })
})

describe('a refund of ours that is told as one of the dashboard', () => {
  /** Stripe has made it, and its answer was lost. */
  async function lost() {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const refundId = await accept(sold, 700)
    await stripe.faults({ api: { lost_answer: 1, paths: ['/v1/refunds'] } })
    await expect(follow(refundId)).rejects.toMatchObject({ code: 'provider_unavailable' })
    await stripe.endFaults()
    const { data } = await stripe.sdk.refunds.list({ charge: sold.stripeChargeId })
    const adopted = mintId('rfd')
    const opening = {
      kind: 'dashboard' as const,
      stripeRefundId: data[0]?.id ?? '',
      ownerId: sold.payment.paymentId,
    }
    const adopt = () => createOpenRefund(dependencies)({ projectId, refundId: adopted, opening })
    return { sold, refundId, adopted, adopt }
  }

  it('is left to its own workflow', async () => {
    const { refundId, adopt, sold } = await lost()
    expect(await adopt()).toBe(false)
    expect((await followUntilDone(refundId)).status).toBe('succeeded')
    const { stripeChargeId } = sold
    const rows = await inTenant((transaction) =>
      listRefundsOfCharge(transaction, { projectId, stripeChargeId }),
    )
    expect(rows).toMatchObject([{ refundId, amount: 700, status: 'succeeded' }])
  })

  it('is one of its own where ours was given up', async () => {
    const { sold, refundId, adopted, adopt } = await lost()
    await inTenant((transaction) =>
      updateRefund(
        transaction,
        { projectId, refundId },
        { status: 'failed', failureCode: 'skipped_by_operator' },
      ),
    )
    expect(await adopt()).toBe(true)
    expect((await followUntilDone(adopted)).status).toBe('succeeded')
    expect(await rowOf(await accept(sold))).toMatchObject({ amount: sold.amount - 700 })
  })
})

describe('a refund of the dashboard that is known before its payment has succeeded', () => {
  /** Opened a page, whose payment nobody has recorded yet. */
  async function unrecorded(): Promise<Captured & { succeed: () => Promise<unknown> }> {
    const payment = await seedPayment(seeded, projectId, { buys: { product: 'credits' } })
    const { paymentId, amount } = payment
    await createOpenCheckout(dependencies)({ projectId, paymentId })
    const { stripeCheckoutSessionId } = await paymentOf(paymentId)
    const sessionId = stripeCheckoutSessionId ?? ''
    await stripe.pay(sessionId)
    const snapshot = await dependencies.provider.readCheckout(sessionId)
    const stripeChargeId = snapshot.attempts[0]?.stripeChargeId ?? ''
    const succeed = () => createRecordCheckout(dependencies)({ projectId, paymentId, snapshot })
    return { payment, stripeChargeId, amount, succeed }
  }
  const paymentOf = (paymentId: PaymentId) =>
    inTenant((transaction) => readPayment(transaction, projectId, paymentId))

  it('waits for the success, whose ledger, credits and events are not lost', async () => {
    const { payment, stripeChargeId, amount, succeed } = await unrecorded()
    const made = await stripe.sdk.refunds.create({ charge: stripeChargeId, amount: 500 })
    const refundId = mintId('rfd')
    const open = () =>
      createOpenRefund(dependencies)({
        projectId,
        refundId,
        opening: { kind: 'dashboard', stripeRefundId: made.id, ownerId: payment.paymentId },
      })
    await expect(open()).rejects.toMatchObject({ code: 'outcome_pending', retryable: true })
    expect(await paymentOf(payment.paymentId)).toMatchObject({ status: 'pending' })
    await succeed()
    expect(await open()).toBe(true)
    await followUntilDone(refundId)
    expect(await paymentOf(payment.paymentId)).toMatchObject({
      status: 'partially_refunded',
      amountReceived: amount,
      amountRefunded: 500,
    })
    const { told } = await recorded(seeded, projectId)
    expect(told.filter((type) => type.startsWith('payment.'))).toEqual([
      'payment.created',
      'payment.succeeded',
      'payment.refunded',
    ])
  })

  it('moves no payment that has not succeeded', async () => {
    const sold = await unrecorded()
    await follow(await accept(sold, 500))
    expect(await paymentOf(sold.payment.paymentId)).toMatchObject({ status: 'pending', amountRefunded: 0 })
  })
})

describe('a warning of fraud, where the policy gives such money back', () => {
  const warn = async ({ payment, stripeChargeId }: Captured) => {
    const refundId = mintId('rfd')
    const isThere = await createOpenRefund(dependencies)({
      projectId,
      refundId,
      opening: {
        kind: 'fraud_warning',
        warningId: `issfr_${stripeChargeId}`,
        ownerId: payment.paymentId,
        chargeId: stripeChargeId,
        fraudType: 'made_with_stolen_card',
      },
    })
    const { events } = await recorded(seeded, projectId)
    const alert = events.find(({ type }) => type.endsWith('alert.fraud_warning'))
    return { refundId, isThere, alert: alert?.data as object | undefined }
  }
  beforeEach(() =>
    inTenant((transaction) =>
      setRefundPolicy(transaction, {
        projectId,
        policy: { ...defaultRefundPolicy, onFraudWarning: 'refund' },
        setBy: 'op_test',
      }),
    ),
  )

  it('gives back what is left, and names the refund', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    await accept(sold, 1_000)
    const { refundId, isThere, alert } = await warn(sold)
    expect(isThere).toBe(true)
    expect(alert).toMatchObject({ refund_id: refundId })
    expect(await rowOf(refundId)).toMatchObject({ amount: sold.amount - 1_000, origin: 'fraud_warning' })
  })

  it('is told also where a refund of all of it waits already', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    await accept(sold)
    const { isThere, alert } = await warn(sold)
    expect(isThere).toBe(false)
    expect(alert).not.toHaveProperty('refund_id')
  })

  it('is told also where the credits that were bought are all used', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId, { product: 'credits' })
    await consumeCredits(seeded.connections.application, {
      projectId,
      userId: 'user-1',
      livemode: false,
      usageId: 'all',
      amount: 5_000_000,
      description: undefined,
      actor: 'key_test',
      correlationId: 'corr-1',
    })
    const { isThere, alert } = await warn(sold)
    expect(isThere).toBe(false)
    expect(alert).toMatchObject({ fraud_type: 'made_with_stolen_card' })
  })
})

describe('a refund of credits', () => {
  const pack = 5_000_000
  const buy = () => capture(seeded, dependencies, stripe, projectId, { product: 'credits' })
  const wallet = () =>
    inTenant((transaction) => findWallet(transaction, { projectId, userId: 'user-1', livemode: false }))
  const consume = (amount: number) =>
    consumeCredits(seeded.connections.application, {
      projectId,
      userId: 'user-1',
      livemode: false,
      usageId: `usage-${amount}`,
      amount,
      description: undefined,
      actor: 'key_test',
      correlationId: 'corr-1',
    })

  it('takes the unused ones with it, before the money goes, and is for no more than they cost', async () => {
    const sold = await buy()
    await consume(pack / 5)
    await expect(accept(sold, sold.amount)).rejects.toMatchObject({
      code: 'refund_exceeds_remaining',
      facts: { amount_left: (sold.amount * 4) / 5 },
    })
    const refundId = await accept(sold)
    expect(await wallet()).toMatchObject({ balance: 0 })
    expect(await follow(refundId)).toMatchObject({ status: 'succeeded', amount: (sold.amount * 4) / 5 })
    const { transfers } = await recorded(seeded, projectId)
    const owed = transfers
      .filter(({ currency }) => currency === 'brl')
      .reduce(
        (sum, { debitAccount, creditAccount, amount }) =>
          sum +
          (creditAccount === 'customer_credits' ? amount : 0) -
          (debitAccount === 'customer_credits' ? amount : 0),
        0,
      )
    expect(owed).toBe(0)
  })

  it('gives them back when the bank returns the money', async () => {
    const sold = await buy()
    const refundId = await accept(sold)
    await follow(refundId)
    await stripe.moveRefund((await rowOf(refundId)).stripeRefundId ?? '', 'failed')
    expect(await follow(refundId)).toMatchObject({ status: 'failed' })
    expect(await wallet()).toMatchObject({ balance: pack })
    expect(await rowOf(await accept(sold))).toMatchObject({ amount: sold.amount })
  })

  it('is refused when all of them are used', async () => {
    const sold = await buy()
    await consume(pack)
    await expect(accept(sold)).rejects.toMatchObject({ code: 'nothing_to_refund' })
  })
})
