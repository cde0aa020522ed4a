import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { advance, saveCard } from './support/clock-session.ts'
import { payments } from './support/payments.ts'
import { idOf, localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('disputes', () => {
  let local: LocalStripe
  let stripe: Stripe
  beforeEach(async () => {
    local = await startLocalStripe()
    stripe = sdkFor(local.url)
  })
  afterEach(() => local.close())

  const scene = payments(() => stripe)
  const control = (path: string, given: object) => localCalls(local.url).control(path, given)
  const disputeOf = async (charge: string) => {
    const [dispute] = (await stripe.disputes.list({ charge })).data
    if (!dispute) throw new Error(`${charge} is not disputed`)
    return dispute
  }
  const disputedBy = async (card: string) => disputeOf((await scene.pay(9900, { card })).charge)
  const statusOf = async (id: string) => (await stripe.disputes.retrieve(id)).status
  const eventTypes = () => scene.eventTypes(['charge.dispute.*', 'charge.refunded', 'refund.*'])

  it('take the money and a fee at once, and no refund is possible', async () => {
    const { charge, payment_intent } = await scene.pay(9900, { card: 'pm_card_createDispute' })
    const dispute = await disputeOf(charge)
    expect(dispute).toMatchObject({
      amount: 9900,
      payment_intent,
      reason: 'fraudulent',
      status: 'needs_response',
      is_charge_refundable: false,
      balance_transactions: [
        { type: 'adjustment', reporting_category: 'dispute', amount: -9900, fee: 5500, net: -15_400 },
      ],
    })
    expect(await stripe.charges.retrieve(charge)).toMatchObject({ disputed: true, dispute: dispute.id })
    await expect(stripe.refunds.create({ charge })).rejects.toMatchObject({
      code: 'charge_disputed',
      message: `Charge ${charge} has been charged back; cannot issue a refund.`,
    })
    expect(await scene.eventTypes(['charge.*', 'payment_intent.succeeded'])).toEqual([
      'charge.succeeded',
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'payment_intent.succeeded',
    ])
    expect(await disputedBy('pm_card_createDisputeProductNotReceived')).toMatchObject({
      reason: 'product_not_received',
    })
  })

  it('are won with good evidence, which gives the money back but not the fee', async () => {
    const { id, charge } = await disputedBy('pm_card_createDispute')
    const answered = await stripe.disputes.update(id, {
      evidence: { uncategorized_text: 'winning_evidence' },
    })
    expect(answered).toMatchObject({
      status: 'under_review',
      evidence_details: { has_evidence: true, submission_count: 1 },
    })
    await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe('won')
    const { balance_transactions } = await stripe.disputes.retrieve(id)
    expect(balance_transactions[1]).toMatchObject({
      reporting_category: 'dispute_reversal',
      amount: 9900,
      fee: 0,
    })
    expect(await eventTypes()).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      'charge.dispute.funds_reinstated',
      'charge.dispute.closed',
    ])
    await expect(stripe.disputes.close(id)).rejects.toThrow('This dispute is already closed')
    expect(await stripe.refunds.create({ charge: idOf(charge) })).toMatchObject({ status: 'succeeded' })
  })

  it('are lost when they are given up, or when the evidence is bad', async () => {
    const given = await disputedBy('pm_card_createDispute')
    expect(await stripe.disputes.close(given.id)).toMatchObject({ status: 'lost' })
    const weak = await disputedBy('pm_card_createDispute')
    const staged = { evidence: { uncategorized_text: 'losing_evidence' }, submit: false }
    expect(await stripe.disputes.update(weak.id, staged)).toMatchObject({
      status: 'needs_response',
      evidence_details: { has_evidence: true, submission_count: 0 },
    })
    await stripe.disputes.update(weak.id, { submit: true })
    await expect.poll(() => statusOf(weak.id), { timeout: 5000 }).toBe('lost')
    expect((await stripe.disputes.retrieve(weak.id)).balance_transactions).toHaveLength(1)
  })

  it('only ask, as long as they are inquiries', async () => {
    const { charge } = await scene.pay(9900, { card: 'pm_card_createDisputeInquiry' })
    const inquiry = await disputeOf(charge)
    expect(inquiry).toMatchObject({ status: 'warning_needs_response', balance_transactions: [] })
    const refund = await stripe.refunds.create({ charge, amount: 900 })
    await control(`disputes/${inquiry.id}/decide`, { outcome: 'escalated' })
    expect(await disputeOf(charge)).toMatchObject({
      status: 'needs_response',
      is_charge_refundable: false,
      balance_transactions: [{ amount: -9900 }],
    })
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'charge_for_pending_refund_disputed',
    })

    const calmed = await scene.pay(9900, { card: 'pm_card_createDisputeInquiry' })
    await stripe.refunds.create({ charge: calmed.charge })
    expect(await disputeOf(calmed.charge)).toMatchObject({ status: 'warning_closed' })
  })

  it('of any charge are opened and decided when a test says so', async () => {
    const { charge } = await scene.pay(9900)
    await control(`charges/${charge}/dispute`, { reason: 'subscription_canceled', amount: 5000 })
    const dispute = await disputeOf(charge)
    expect(dispute).toMatchObject({ reason: 'subscription_canceled', amount: 5000 })
    await control(`disputes/${dispute.id}/decide`, { outcome: 'won' })
    expect(await disputeOf(charge)).toMatchObject({ status: 'won', is_charge_refundable: true })
    await expect(control(`charges/${charge}/dispute`, {})).rejects.toThrow('can be disputed')
    await expect(control(`disputes/${dispute.id}/decide`, { outcome: 'lost' })).rejects.toThrow('closed')
  })

  it('are lost when nobody answers in time, by the clock of the customer', async () => {
    const frozen_time = Date.parse('2027-01-31T10:00:00Z') / 1000
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time })
    const customer = (await stripe.customers.create({ test_clock: clock.id })).id
    const card = await saveCard(stripe, customer, 'pm_card_createDispute')
    const { charge } = await scene.pay(9900, { card, customer })
    const dispute = await disputeOf(charge)
    expect(dispute.created).toBe(frozen_time)
    expect(dispute.evidence_details.due_by).toBe(Date.parse('2027-02-08T23:59:59Z') / 1000)
    const answered = await disputeOf((await scene.pay(9900, { card, customer })).charge)
    await stripe.disputes.update(answered.id, { evidence: { product_description: 'Tea' } })
    await advance(stripe, clock.id, Date.parse('2027-02-09T00:00:00Z') / 1000)
    expect(await statusOf(dispute.id)).toBe('lost')
    expect(await statusOf(answered.id)).toBe('under_review')
  })

  it('are announced by early fraud warnings, until nothing can be done about them', async () => {
    const { charge } = await scene.pay(9900, { card: 'pm_card_createIssuerFraudRecord' })
    const warningsOf = async () => (await stripe.radar.earlyFraudWarnings.list({ charge })).data
    expect(await warningsOf()).toMatchObject([{ actionable: true, fraud_type: 'made_with_stolen_card' }])
    await stripe.refunds.create({ charge })
    expect(await warningsOf()).toMatchObject([{ actionable: false }])
    const other = await scene.pay(9900)
    await control(`charges/${other.charge}/early_fraud_warning`, { fraud_type: 'misc' })
    await control(`charges/${other.charge}/dispute`, {})
    expect(await scene.eventTypes(['radar.*'])).toEqual([
      'radar.early_fraud_warning.created',
      'radar.early_fraud_warning.updated',
      'radar.early_fraud_warning.created',
      'radar.early_fraud_warning.updated',
    ])
  })
})
