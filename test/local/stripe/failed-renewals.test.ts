import type { Stripe } from 'stripe'
import { afterEach, describe, expect, it } from 'vitest'
import {
  moment,
  openClockSession,
  saveCard,
  seconds,
  type ClockSession,
  type Subscriber,
} from './support/clock-session.ts'

let session: ClockSession
afterEach(() => session.close())

/** A subscriber whose first renewal, on 15 February at 11:00, has failed. */
async function failRenewal(
  settings = {},
  card = '4000000000000341',
): Promise<Subscriber & { invoice: string }> {
  session = await openClockSession('2027-01-15T10:00:00Z', settings)
  const subscriber = await session.subscriber()
  await session.changeCard(subscriber.customer, card)
  await session.advanceTo('2027-02-15T10:30:00Z')
  await session.events()
  await session.advanceTo('2027-02-15T12:00:00Z')
  return { ...subscriber, invoice: (await session.latestInvoice(subscriber.subscription)).id }
}
const noRetries = { retry_days: [], after_last_retry: 'past_due' as const }
const statusOf = async (subscription: string) =>
  (await session.stripe.subscriptions.retrieve(subscription)).status

describe('a renewal that cannot be charged', () => {
  it('leaves the invoice open and the subscription past due', async () => {
    const { customer, subscription, invoice } = await failRenewal()
    expect(await session.events()).toEqual([
      '02-15 11:00 invoice.finalized',
      '02-15 11:00 payment_intent.created',
      '02-15 11:00 charge.failed',
      '02-15 11:00 payment_intent.payment_failed',
      '02-15 11:00 invoice.updated',
      '02-15 11:00 invoice.payment_failed',
      '02-15 11:00 customer.subscription.updated',
    ])
    expect(await session.stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: 'past_due',
      latest_invoice: invoice,
      items: { data: [{ current_period_start: seconds('2027-02-15T10:00:00Z') }] },
    })
    expect((await session.lastEvent('customer.subscription.updated')).previous_attributes).toEqual({
      status: 'active',
    })
    expect(await session.stripe.customers.retrieve(customer)).toMatchObject({ delinquent: true })
    expect((await session.lastEvent('invoice.updated')).previous_attributes).toEqual({
      attempt_count: 0,
      attempted: false,
      next_payment_attempt: seconds('2027-02-15T11:00:00Z'),
    })
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({
      status: 'open',
      attempted: true,
      attempt_count: 1,
      auto_advance: true,
      next_payment_attempt: seconds('2027-02-18T11:00:00Z'),
      amount_remaining: 9900,
    })
  })

  it('is tried again by Stripe on the days that the account chose, and then no more', async () => {
    const { subscription, invoice } = await failRenewal({ retry_days: [1, 4] })
    await session.advanceTo('2027-03-14T10:00:00Z')
    const failures = (await session.events()).filter((line) => line.endsWith('charge.failed'))
    expect(failures.map((line) => line.slice(0, 11))).toEqual(['02-15 11:00', '02-16 11:00', '02-19 11:00'])
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({
      status: 'open',
      attempt_count: 3,
      next_payment_attempt: null,
    })
    expect(await statusOf(subscription)).toBe('past_due')
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(3)
    expect((await session.counts()).charges_per_invoice[invoice]).toBe(0)
  })

  it('cancels the subscription after the last retry, where the account chose that', async () => {
    const { subscription, invoice } = await failRenewal({ retry_days: [2], after_last_retry: 'cancel' })
    await session.advanceTo('2027-02-18T00:00:00Z')
    expect(await session.stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: 'canceled',
      cancellation_details: { reason: 'payment_failed' },
    })
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({ status: 'open' })
    await session.advanceTo('2027-03-16T00:00:00Z')
    expect((await session.latestInvoice(subscription)).id).toBe(invoice)
  })

  it('leaves the subscription unpaid after the last retry, where the account chose that', async () => {
    const { subscription, invoice } = await failRenewal({ retry_days: [2], after_last_retry: 'unpaid' })
    await session.advanceTo('2027-02-18T00:00:00Z')
    expect(await statusOf(subscription)).toBe('unpaid')
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({ status: 'open' })
    // It goes on being billed, but nobody is charged.
    await session.advanceTo('2027-03-16T00:00:00Z')
    expect(await session.latestInvoice(subscription)).toMatchObject({ status: 'draft', auto_advance: false })
  })

  it('is settled by Stripe itself when a retry goes through', async () => {
    const { customer, subscription, invoice } = await failRenewal()
    await session.changeCard(customer, '4242424242424242')
    await session.events()
    await session.advanceTo('2027-02-20T00:00:00Z')
    expect(await session.events()).toEqual([
      '02-18 11:00 charge.succeeded',
      '02-18 11:00 payment_intent.succeeded',
      '02-18 11:00 invoice.updated',
      '02-18 11:00 invoice.paid',
      '02-18 11:00 invoice.payment_succeeded',
      '02-18 11:00 invoice_payment.paid',
      '02-18 11:00 customer.subscription.updated',
    ])
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({
      status: 'paid',
      attempt_count: 2,
    })
    expect(await statusOf(subscription)).toBe('active')
  })

  it('is left alone by Stripe once somebody else has taken it over', async () => {
    const { invoice, subscription } = await failRenewal()
    const { stripe } = session
    expect(await stripe.invoices.update(invoice, { auto_advance: false })).toMatchObject({
      auto_advance: false,
      next_payment_attempt: null,
    })
    await session.advanceTo('2027-03-10T00:00:00Z')
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(1)
    expect(await statusOf(subscription)).toBe('past_due')
    // Given back, it is tried again at the next of the days, or within the hour where all before have passed.
    expect(await stripe.invoices.update(invoice, { auto_advance: true })).toMatchObject({
      next_payment_attempt: seconds('2027-03-10T01:00:00Z'),
    })
  })

  it('is not retried at all where the account has switched that off', async () => {
    const { invoice, subscription } = await failRenewal(noRetries)
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({ next_payment_attempt: null })
    await session.advanceTo('2027-03-10T00:00:00Z')
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(1)
    expect(await statusOf(subscription)).toBe('past_due')
  })

  it('fails without a charge when there is no card', async () => {
    session = await openClockSession('2027-01-15T10:00:00Z')
    const { stripe, events, advanceTo } = session
    const { subscription, method } = await session.subscriber()
    await stripe.paymentMethods.detach(method ?? '')
    await events()
    await advanceTo('2027-02-15T11:00:00Z')
    expect((await events()).slice(-5)).toEqual([
      '02-15 11:00 invoice.finalized',
      '02-15 11:00 payment_intent.created',
      '02-15 11:00 invoice.updated',
      '02-15 11:00 invoice.payment_failed',
      '02-15 11:00 customer.subscription.updated',
    ])
    const invoice = await session.latestInvoice(subscription)
    expect(invoice).toMatchObject({ status: 'open', attempt_count: 1, attempted: true })
    expect((await session.counts()).attempts_per_invoice[invoice.id]).toBe(0)
  })

  it('is billed again with the next period, and only the latest invoice decides', async () => {
    const { customer, subscription, invoice } = await failRenewal(noRetries)
    const { stripe } = session
    await session.advanceTo('2027-03-15T12:00:00Z')
    const latest = await session.latestInvoice(subscription)
    expect(latest.id).not.toBe(invoice)
    expect(latest).toMatchObject({ status: 'open', attempt_count: 1 })
    await session.changeCard(customer, '4242424242424242')
    await stripe.invoices.pay(invoice)
    expect(await statusOf(subscription)).toBe('past_due')
    await stripe.invoices.pay(latest.id)
    expect(await statusOf(subscription)).toBe('active')
  })

  it('waits for another card after a decline that no retry can change', async () => {
    const { customer, invoice } = await failRenewal({ retry_days: [1, 2, 3] }, '4000000000009987')
    await session.advanceTo('2027-02-17T12:00:00Z')
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({
      attempt_count: 3,
      next_payment_attempt: seconds('2027-02-18T11:00:00Z'),
    })
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(1)
    await saveCard(session.stripe, customer, 'pm_card_visa')
    await session.advanceTo('2027-02-18T12:00:00Z')
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({
      status: 'paid',
      attempt_count: 4,
    })
  })
})

describe('paying an open invoice by hand', () => {
  it.each([
    ['4000000000000341', 'card_declined', 'generic_decline', 'try_again_later'],
    ['4000000000009995', 'card_declined', 'insufficient_funds', 'try_again_later'],
    ['4000000000009987', 'card_declined', 'lost_card', 'do_not_try_again'],
    ['4000000000009979', 'card_declined', 'stolen_card', 'do_not_try_again'],
    ['4000000000006975', 'card_declined', 'card_velocity_exceeded', 'try_again_later'],
    ['4000000000000069', 'expired_card', 'expired_card', 'confirm_card_data'],
    ['4000000000000127', 'incorrect_cvc', 'incorrect_cvc', 'confirm_card_data'],
    ['4000000000000119', 'processing_error', 'processing_error', 'try_again_later'],
    ['4100000000000019', 'card_declined', 'fraudulent', undefined],
  ])('with %s is refused: %s, %s', async (card, code, decline_code, advice_code) => {
    const { invoice } = await failRenewal(noRetries, card)
    const error = await refusalOf(session.stripe.invoices.pay(invoice))
    expect(error).toMatchObject({ statusCode: 402, type: 'StripeCardError', code, decline_code })
    expect(error.advice_code).toBe(advice_code)
    expect(error.payment_intent).toMatchObject({
      object: 'payment_intent',
      status: 'requires_payment_method',
      last_payment_error: { code, decline_code },
    })
    // Attempts by hand do not count, and do not move Stripe's own plan.
    expect(await session.stripe.invoices.retrieve(invoice)).toMatchObject({ attempt_count: 1 })
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(2)
  })

  it.each([
    ['do_not_honor', undefined, 'card_declined'],
    ['pickup_card', 'do_not_try_again', 'card_declined'],
    ['incorrect_number', 'confirm_card_data', 'incorrect_number'],
  ])('is refused with any of Stripe’s codes on demand: %s', async (decline_code, advice_code, code) => {
    const { customer, invoice } = await failRenewal(noRetries)
    const asked = { card: '4242424242424242', decline_code, advice_code }
    const change = { method: 'POST', body: JSON.stringify(asked) }
    await fetch(`${session.url}/_local/customers/${customer}/card`, change)
    const refusal = await refusalOf(session.stripe.invoices.pay(invoice))
    expect(refusal).toMatchObject({ statusCode: 402, code, decline_code })
    expect(refusal.advice_code).toBe(advice_code)
  })

  it('with another card makes the subscription active', async () => {
    const { customer, subscription, invoice } = await failRenewal(noRetries)
    const { stripe } = session
    const { id: other } = await stripe.paymentMethods.attach('pm_card_mastercard', { customer })
    await session.events()
    const paid = await stripe.invoices.pay(invoice, { payment_method: other, off_session: true })
    expect(paid).toMatchObject({ status: 'paid', amount_paid: 9900, amount_remaining: 0 })
    expect((await session.events()).map((line) => line.slice(12))).toEqual([
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
      'customer.subscription.updated',
    ])
    expect(await statusOf(subscription)).toBe('active')
    expect((await session.counts()).charges_per_invoice[invoice]).toBe(1)
  })

  it('charges once, however often the same request is made', async () => {
    const { customer, invoice } = await failRenewal(noRetries)
    const { stripe } = session
    const declined = () => stripe.invoices.pay(invoice, {}, { idempotencyKey: 'retry 1' })
    const [first, second] = [await refusalOf(declined()), await refusalOf(declined())]
    expect(second.raw).toMatchObject({ charge: (first.raw as { charge: string }).charge })
    await session.changeCard(customer, '4242424242424242')
    // The key still means the attempt that was declined.
    expect(await refusalOf(declined())).toMatchObject({ code: 'card_declined' })
    const pay = () => stripe.invoices.pay(invoice, {}, { idempotencyKey: 'retry 2' })
    expect(await pay()).toMatchObject({ status: 'paid' })
    expect(await pay()).toMatchObject({ status: 'paid' })
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(3)
    expect(await refusalOf(stripe.invoices.pay(invoice))).toMatchObject({
      statusCode: 400,
      code: 'invoice_already_paid',
      message: 'Invoice is already paid',
    })
  })

  it('in some other way settles it without a charge', async () => {
    const { customer, subscription, invoice } = await failRenewal(noRetries)
    const paid = await session.stripe.invoices.pay(invoice, { paid_out_of_band: true })
    expect(await session.stripe.customers.retrieve(customer)).toMatchObject({ delinquent: false })
    expect(paid).toMatchObject({ status: 'paid', amount_paid_off_stripe: 9900 })
    expect(await statusOf(subscription)).toBe('active')
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(1)
  })

  it('is refused with a card of somebody else', async () => {
    const { invoice } = await failRenewal(noRetries)
    const { method = '' } = await session.subscriber()
    const refusal = await refusalOf(session.stripe.invoices.pay(invoice, { payment_method: method }))
    expect(refusal).toMatchObject({ statusCode: 400, param: 'payment_method' })
  })

  it('asks for the customer where the bank does', async () => {
    const { subscription, invoice } = await failRenewal({ retry_days: [3] }, '4000002760003184')
    expect((await session.events()).slice(-6)).toEqual([
      '02-15 11:00 payment_intent.created',
      '02-15 11:00 payment_intent.requires_action',
      '02-15 11:00 invoice.updated',
      '02-15 11:00 invoice.payment_failed',
      '02-15 11:00 customer.subscription.updated',
      '02-15 11:00 invoice.payment_action_required',
    ])
    expect(await statusOf(subscription)).toBe('past_due')
    const refusal = await refusalOf(session.stripe.invoices.pay(invoice))
    expect(refusal).toMatchObject({ statusCode: 402, code: 'invoice_payment_intent_requires_action' })
    expect(refusal.payment_intent).toMatchObject({ status: 'requires_action' })
    // Nothing was charged, and nothing declined either.
    expect((await session.counts()).attempts_per_invoice[invoice]).toBe(0)
  })

  it('is impossible once it is void, which also lets the subscription go on', async () => {
    const { subscription, invoice } = await failRenewal(noRetries)
    const { stripe } = session
    expect(await stripe.invoices.voidInvoice(invoice)).toMatchObject({ status: 'void', auto_advance: false })
    expect(await statusOf(subscription)).toBe('active')
    expect(await refusalOf(stripe.invoices.pay(invoice))).toMatchObject({ statusCode: 400 })
    expect(await refusalOf(stripe.invoices.voidInvoice(invoice))).toMatchObject({ statusCode: 400 })
  })

  it('is possible after it was written off', async () => {
    const { customer, subscription, invoice } = await failRenewal(noRetries)
    const { stripe } = session
    expect(await stripe.invoices.markUncollectible(invoice)).toMatchObject({ status: 'uncollectible' })
    expect(await statusOf(subscription)).toBe('active')
    await session.changeCard(customer, '4242424242424242')
    expect(await stripe.invoices.pay(invoice)).toMatchObject({ status: 'paid' })
  })

  it('is void like any other after the customer is gone', async () => {
    const { customer, invoice } = await failRenewal(noRetries)
    await session.stripe.customers.del(customer)
    expect(await refusalOf(session.stripe.invoices.pay(invoice))).toMatchObject({ statusCode: 400 })
    expect(await session.stripe.invoices.voidInvoice(invoice)).toMatchObject({ status: 'void' })
  })

  it('is possible after the subscription was canceled, which Stripe no longer asks for by itself', async () => {
    const { customer, subscription, invoice } = await failRenewal()
    const { stripe } = session
    await session.events()
    await stripe.subscriptions.cancel(subscription)
    expect((await session.events()).map((line) => line.slice(12))).toEqual([
      'invoice.updated',
      'customer.subscription.deleted',
    ])
    await session.changeCard(customer, '4242424242424242')
    await session.advanceTo('2027-02-28T00:00:00Z')
    expect(await stripe.invoices.retrieve(invoice)).toMatchObject({
      status: 'open',
      auto_advance: false,
      next_payment_attempt: null,
    })
    expect(await stripe.invoices.pay(invoice)).toMatchObject({ status: 'paid' })
    expect(await statusOf(subscription)).toBe('canceled')
    expect(moment((await stripe.invoices.retrieve(invoice)).status_transitions.paid_at)).toBe(
      '2027-02-28T00:00',
    )
  })
})

async function refusalOf(answer: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error)) throw new Error('It was not refused')
  return error as Stripe.errors.StripeError
}
