import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { advance, saveCard } from './support/clock-session.ts'
import { payments } from './support/payments.ts'
import { localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('refunds', () => {
  let local: LocalStripe
  let stripe: Stripe
  beforeEach(async () => {
    local = await startLocalStripe()
    stripe = sdkFor(local.url)
  })
  afterEach(() => local.close())

  const scene = payments(() => stripe)
  const moneyOf = async (charge: string) => {
    const { amount_refunded, refunded } = await stripe.charges.retrieve(charge)
    return { amount_refunded, refunded }
  }
  const refundEvents = () => scene.eventTypes(['refund.*', 'charge.refunded', 'charge.refund.updated'])
  const move = (refund: string, given: object) =>
    localCalls(local.url).control(`refunds/${refund}/move`, given)

  it('take all of a charge, and tell when the bank knows the refund by its number', async () => {
    const { payment_intent, charge } = await scene.pay(9900)
    const refund = await stripe.refunds.create({ payment_intent, reason: 'requested_by_customer' })
    expect(refund).toMatchObject({ amount: 9900, charge, status: 'succeeded', currency: 'brl' })
    expect(await moneyOf(charge)).toEqual({ amount_refunded: 9900, refunded: true })
    expect(await refundEvents()).toEqual(['refund.created', 'charge.refunded'])
    const known = () => stripe.refunds.retrieve(refund.id)
    await expect.poll(known, { timeout: 5000 }).toMatchObject({
      destination_details: { card: { reference_status: 'available' } },
    })
    expect(await refundEvents()).toEqual([
      'refund.created',
      'charge.refunded',
      'refund.updated',
      'charge.refund.updated',
    ])
  })

  it('are made in parts, and never more than is left', async () => {
    const { charge } = await scene.pay(9900)
    const first = await stripe.refunds.create({ charge, amount: 4000, metadata: { request: 'r1' } })
    expect(await moneyOf(charge)).toEqual({ amount_refunded: 4000, refunded: false })
    await expect(stripe.refunds.create({ charge, amount: 6000 })).rejects.toMatchObject({
      statusCode: 400,
      type: 'StripeInvalidRequestError',
      param: 'amount',
      code: undefined,
      message: 'Refund amount (R$60.00) is greater than unrefunded amount on charge (R$59.00)',
    })
    const rest = await stripe.refunds.create({ charge })
    expect(rest.amount).toBe(5900)
    await expect(stripe.refunds.create({ charge, amount: 1 })).rejects.toMatchObject({
      code: 'charge_already_refunded',
      message: `Charge ${charge} has already been refunded.`,
    })
    const { refunds } = await stripe.charges.retrieve(charge, { expand: ['refunds'] })
    expect(refunds?.data.map(({ id }) => id)).toEqual([rest.id, first.id])
    expect((await stripe.refunds.list({ charge, limit: 1 })).has_more).toBe(true)
    expect(await localCalls(local.url).counts()).toMatchObject({ refunds_per_charge: { [charge]: 2 } })
  })

  it('are booked, without a fee', async () => {
    const { charge } = await scene.pay(9900)
    const refund = await stripe.refunds.create({ charge, amount: 900, expand: ['balance_transaction'] })
    expect(refund.balance_transaction).toMatchObject({
      type: 'refund',
      reporting_category: 'refund',
      amount: -900,
      fee: 0,
      net: -900,
      source: refund.id,
    })
    const [pending] = (await stripe.balance.retrieve()).pending
    expect(pending).toMatchObject({ currency: 'brl', amount: 9900 - 317 - 900 })
  })

  it('wait for some banks', async () => {
    const { charge } = await scene.pay(9900, { card: 'pm_card_pendingRefund' })
    const refund = await stripe.refunds.create({ charge })
    expect(refund).toMatchObject({ status: 'pending', pending_reason: 'processing' })
    expect(await moneyOf(charge)).toEqual({ amount_refunded: 9900, refunded: true })
    await move(refund.id, { status: 'succeeded' })
    const settled = await stripe.refunds.retrieve(refund.id)
    expect(settled.status).toBe('succeeded')
    expect(settled).not.toHaveProperty('pending_reason')
    const [event] = (await stripe.events.list({ type: 'refund.updated' })).data
    expect(event?.data.previous_attributes).toMatchObject({ status: 'pending', pending_reason: 'processing' })
  })

  it('fail at others, and the money comes back', async () => {
    const { charge } = await scene.pay(9900, { card: 'pm_card_refundFail' })
    const { id } = await stripe.refunds.create({ charge, amount: 5000 })
    const status = async () => (await stripe.refunds.retrieve(id)).status
    await expect.poll(status, { timeout: 5000 }).toBe('failed')
    const failed = await stripe.refunds.retrieve(id, { expand: ['failure_balance_transaction'] })
    expect(failed).toMatchObject({
      failure_reason: 'expired_or_canceled_card',
      failure_balance_transaction: { type: 'refund_failure', amount: 5000, net: 5000 },
    })
    expect(await moneyOf(charge)).toEqual({ amount_refunded: 0, refunded: false })
    expect(await refundEvents()).toEqual([
      'refund.created',
      'charge.refunded',
      'refund.failed',
      'refund.updated',
      'charge.refund.updated',
    ])
    const [event] = (await stripe.events.list({ type: 'charge.refund.updated' })).data
    expect(event?.data.previous_attributes).toEqual({
      failure_balance_transaction: null,
      failure_reason: null,
      status: 'succeeded',
    })
    expect(await localCalls(local.url).counts()).toMatchObject({ refunds_per_charge: {} })
  })

  it('fail, or are called back, when a test says so', async () => {
    const { charge } = await scene.pay(9900, { card: 'pm_card_pendingRefund' })
    const called = await stripe.refunds.create({ charge, amount: 100 })
    await move(called.id, { status: 'canceled' })
    expect(await stripe.refunds.retrieve(called.id)).toMatchObject({
      status: 'canceled',
      failure_reason: 'merchant_request',
    })
    const failed = await stripe.refunds.create({ charge, amount: 100 })
    await move(failed.id, { status: 'failed', failure_reason: 'lost_or_stolen_card' })
    expect(await moneyOf(charge)).toEqual({ amount_refunded: 0, refunded: false })
    await expect(move(failed.id, { status: 'succeeded' })).rejects.toThrow('cannot become succeeded')
    await expect(move(called.id, { status: 'lost' })).rejects.toThrow('must be one of')
  })

  it('of a customer on a test clock move with it', async () => {
    const frozen_time = Date.parse('2027-01-31T10:00:00Z') / 1000
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time })
    const customer = (await stripe.customers.create({ test_clock: clock.id })).id
    const card = await saveCard(stripe, customer, 'pm_card_refundFail')
    const { charge } = await scene.pay(9900, { card, customer })
    const refund = await stripe.refunds.create({ charge })
    expect(refund).toMatchObject({ created: frozen_time, status: 'succeeded' })
    await advance(stripe, clock.id, frozen_time + 60)
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'failed' })
    const [event] = (await stripe.events.list({ type: 'refund.failed' })).data
    expect(event?.created).toBe(frozen_time + 2)
  })

  it('are refused for what is no charge, or has no money', async () => {
    const create = (params: Stripe.RefundCreateParams) => stripe.refunds.create(params)
    await expect(create({})).rejects.toThrow('One of the following params should be provided')
    await expect(create({ charge: 'ch_none' })).rejects.toMatchObject({ statusCode: 404, param: 'id' })
    const { charge } = await scene.pay(1000)
    await expect(create({ charge, amount: 0 })).rejects.toMatchObject({
      code: 'parameter_invalid_integer',
      param: 'amount',
    })
    const open = await stripe.paymentIntents.create({ amount: 1000, currency: 'brl' })
    await expect(create({ payment_intent: open.id })).rejects.toThrow('does not have a successful charge')
    const { id } = await create({ charge })
    await expect(stripe.refunds.cancel(id)).rejects.toThrow('Canceling this refund is unsupported.')
  })

  it('are made once for one idempotency key', async () => {
    const { charge } = await scene.pay(1000)
    const [first, second] = [
      await stripe.refunds.create({ charge, amount: 300 }, { idempotencyKey: 'refund:1' }),
      await stripe.refunds.create({ charge, amount: 300 }, { idempotencyKey: 'refund:1' }),
    ]
    expect(second.id).toBe(first.id)
    expect(await moneyOf(charge)).toEqual({ amount_refunded: 300, refunded: false })
    const changed = await stripe.refunds.update(first.id, { metadata: { order: 'o1' } })
    expect(changed.metadata).toEqual({ order: 'o1' })
  })

  it('are made once although the answer was lost', async () => {
    const { charge } = await scene.pay(1000)
    const calls = localCalls(local.url)
    const create = () => stripe.refunds.create({ charge, amount: 300 }, { idempotencyKey: 'refund:lost' })
    await calls.faults({ api: { lost_answer: 1, paths: ['/v1/refunds'] } })
    await expect(create()).rejects.toMatchObject({ type: 'StripeConnectionError' })
    await calls.noFaults()
    expect(await create()).toMatchObject({ amount: 300 })
    expect(await calls.counts()).toMatchObject({ refunds_per_charge: { [charge]: 1 } })
  })
})
