import { Stripe } from 'stripe'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

const hourInSeconds = 60 * 60

describe('a checkout ends as it does at Stripe', () => {
  let local: LocalStripe
  let stripe: Stripe
  beforeAll(async () => {
    local = await startLocalStripe({})
    stripe = sdkFor(local.url)
  })
  afterAll(() => local.close())
  afterEach(() => vi.useRealTimers())

  const openSession = (
    mode: 'payment' | 'subscription',
    rest: Partial<Stripe.Checkout.SessionCreateParams> = {},
    amount = 9900,
  ) =>
    stripe.checkout.sessions.create({
      mode,
      success_url: 'https://example.com/done',
      line_items: [
        {
          quantity: 1,
          price_data: {
            currency: 'brl',
            unit_amount: amount,
            product_data: { name: 'Pro' },
            ...(mode === 'subscription' && { recurring: { interval: 'month' } }),
          },
        },
      ],
      ...rest,
    })

  const pay = async (session: string, body: { card: string; authenticate?: 'fail' }) => {
    const response = await fetch(`${local.url}/_local/checkout/${session}/pay`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as { error?: Record<string, unknown> } }
  }

  /** The types of the events since a moment, in the order in which they came about. */
  const eventsSince = async (known: Set<string>) => {
    const fresh: string[] = []
    for await (const event of stripe.events.list({ limit: 100 })) {
      if (known.has(event.id)) break
      fresh.unshift(event.type)
    }
    return fresh
  }
  const eventsSoFar = async () => new Set((await stripe.events.list({ limit: 1 })).data.map(({ id }) => id))

  it('tries another card on the same subscription, invoice and payment intent', async () => {
    const session = await openSession('subscription', { subscription_data: { metadata: { plan: 'pro' } } })
    const before = await eventsSoFar()
    expect(await pay(session.id, { card: '4000000000009995' })).toMatchObject({
      status: 402,
      body: { error: { code: 'card_declined', decline_code: 'insufficient_funds', type: 'card_error' } },
    })
    expect(await eventsSince(before)).toEqual([
      'customer.created',
      'customer.updated',
      'customer.subscription.created',
      'invoice.created',
      'invoice.finalized',
      'payment_intent.created',
      'charge.failed',
      'payment_intent.payment_failed',
      'invoice.updated',
      'invoice.payment_failed',
    ])
    expect(await stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      subscription: null,
    })

    const afterDecline = await eventsSoFar()
    expect(await pay(session.id, { card: '4242424242424242' })).toMatchObject({ status: 200 })
    expect(await eventsSince(afterDecline)).toEqual([
      'payment_method.attached',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
      'customer.subscription.updated',
      'checkout.session.completed',
    ])
    const paid = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'invoice'] })
    expect(paid).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      subscription: {
        status: 'active',
        metadata: { plan: 'pro' },
        default_payment_method: expect.any(String),
      },
      invoice: { status: 'paid', parent: { subscription_details: { metadata: { plan: 'pro' } } } },
    })
    const customer = idOf(paid.customer)
    expect((await stripe.subscriptions.list({ customer, status: 'all' })).data).toHaveLength(1)
    expect((await stripe.paymentIntents.list({ customer })).data).toHaveLength(1)
    expect((await stripe.charges.list({ customer })).data.map(({ status }) => status)).toEqual([
      'succeeded',
      'failed',
    ])
  })

  it('keeps why a one-time payment was declined, with the advice of the bank', async () => {
    const session = await openSession('payment')
    await pay(session.id, { card: '4000000000009987' })
    const { payment_intent: intent } = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['payment_intent'],
    })
    expect(intent).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: {
        code: 'card_declined',
        decline_code: 'lost_card',
        advice_code: 'do_not_try_again',
        message: 'Your card was declined.',
      },
    })
  })

  it('goes on after 3-D Secure was failed', async () => {
    const session = await openSession('payment')
    expect(await pay(session.id, { card: '4000002760003184', authenticate: 'fail' })).toMatchObject({
      status: 402,
      body: { error: { code: 'payment_intent_authentication_failure' } },
    })
    expect(await pay(session.id, { card: '4000002760003184' })).toMatchObject({ status: 200 })
  })

  it('charges nothing for a trial, and saves the card for later', async () => {
    const session = await openSession('subscription', { subscription_data: { trial_period_days: 14 } })
    expect(session.amount_total).toBe(0)
    await pay(session.id, { card: '4242424242424242' })
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'invoice'] })
    expect(done).toMatchObject({
      payment_status: 'no_payment_required',
      subscription: { status: 'trialing', default_payment_method: expect.any(String) },
      invoice: {
        status: 'paid',
        amount_due: 0,
        lines: { data: [{ description: 'Free trial for 1 × Pro' }] },
      },
    })
    expect((await stripe.charges.list({ customer: idOf(done.customer) })).data).toEqual([])
  })

  it('asks for no card where nothing is due and none is wanted', async () => {
    const session = await openSession('subscription', { payment_method_collection: 'if_required' }, 0)
    expect(await pay(session.id, { card: '' })).toMatchObject({ status: 200 })
    const { subscription } = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] })
    expect(subscription).toMatchObject({ status: 'active', default_payment_method: null })
  })

  it('expires by itself a day later, with the subscription of a failed try', async () => {
    const session = await openSession('subscription')
    await pay(session.id, { card: '4000000000000002' })
    const before = await eventsSoFar()
    const [subscription] = (await stripe.subscriptions.list({ status: 'incomplete' })).data
    vi.useFakeTimers({ toFake: ['Date'], now: (session.expires_at + 1) * 1000 })
    await vi.waitFor(async () =>
      expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('expired'),
    )
    expect(await stripe.subscriptions.retrieve(subscription?.id ?? '')).toMatchObject({
      status: 'incomplete_expired',
    })
    const seen = await eventsSince(before)
    expect(seen).toContain('checkout.session.expired')
    expect(seen).toContain('invoice.voided')
    expect(seen.filter((type) => type === 'customer.subscription.updated')).toHaveLength(1)
  })

  it('takes no money once it has expired', async () => {
    const session = await openSession('payment')
    await stripe.checkout.sessions.expire(session.id)
    expect(await pay(session.id, { card: '4242424242424242' })).toMatchObject({ status: 400 })
    await expect(stripe.checkout.sessions.expire(session.id)).rejects.toThrow('status of `expired`')
    expect(await stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
      payment_intent: null,
      url: null,
    })
  })

  it('lives for half an hour at least and a day at most', async () => {
    const now = Math.floor(Date.now() / 1000)
    expect((await openSession('payment')).expires_at).toBeCloseTo(now + 24 * hourInSeconds, -2)
    expect((await openSession('payment', { expires_at: now + hourInSeconds })).expires_at).toBe(
      now + hourInSeconds,
    )
    await expect(openSession('payment', { expires_at: now + 60 })).rejects.toThrow('at least 30 minutes')
    await expect(openSession('payment', { expires_at: now + 25 * hourInSeconds })).rejects.toThrow(
      'less than 24 hours',
    )
  })

  it('is found by its customer, its payment and its subscription', async () => {
    const customer = await stripe.customers.create({ email: 'ana@example.com' })
    const once = await openSession('payment', { customer: customer.id, client_reference_id: 'order-1' })
    const monthly = await openSession('subscription', { customer: customer.id })
    await pay(once.id, { card: '4242424242424242' })
    await pay(monthly.id, { card: '4242424242424242' })
    const { payment_intent } = await stripe.checkout.sessions.retrieve(once.id)
    const { subscription } = await stripe.checkout.sessions.retrieve(monthly.id)
    const idsOf = async (by: Stripe.Checkout.SessionListParams) =>
      (await stripe.checkout.sessions.list(by)).data.map(({ id }) => id)
    expect(await idsOf({ customer: customer.id })).toEqual([monthly.id, once.id])
    expect(await idsOf({ payment_intent: idOf(payment_intent) })).toEqual([once.id])
    expect(await idsOf({ subscription: idOf(subscription) })).toEqual([monthly.id])
    expect(await idsOf({ customer: customer.id, status: 'open' })).toEqual([])
  })

  it('leads from a payment back to its invoice', async () => {
    const session = await openSession('subscription')
    await pay(session.id, { card: '4242424242424242' })
    const { invoice } = await stripe.checkout.sessions.retrieve(session.id, { expand: ['invoice.payments'] })
    if (typeof invoice !== 'object' || !invoice) throw new Error('The session shows no invoice')
    const intent = idOf(invoice.payments?.data[0]?.payment.payment_intent)
    const { data } = await stripe.invoicePayments.list({
      payment: { type: 'payment_intent', payment_intent: intent },
    })
    expect(data).toMatchObject([{ invoice: invoice.id, status: 'paid', amount_paid: 9900 }])
  })

  it('lets a customer’s card change its mind', async () => {
    const customer = await stripe.customers.create({})
    const changeTo = (card: string) =>
      fetch(`${local.url}/_local/customers/${customer.id}/card`, {
        method: 'POST',
        body: JSON.stringify({ card }),
      })
    const invoice = async () => {
      await stripe.invoiceItems.create({ customer: customer.id, amount: 500, currency: 'brl' })
      const { id } = await stripe.invoices.create({
        customer: customer.id,
        currency: 'brl',
        pending_invoice_items_behavior: 'include',
      })
      return stripe.invoices.pay(id)
    }
    await changeTo('4242424242424242')
    expect(await invoice()).toMatchObject({ status: 'paid', attempt_count: 1 })
    await changeTo('4000000000000341')
    await expect(invoice()).rejects.toMatchObject({ code: 'card_declined', statusCode: 402 })
  })
})
