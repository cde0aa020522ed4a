import type { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { billingScenes, cardNumbers } from './support/billing-scenes.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('an open invoice is paid by its customer', () => {
  let local: LocalStripe
  let stripe: Stripe
  const scene = billingScenes(
    () => stripe,
    () => local,
  )
  beforeAll(async () => {
    local = await startLocalStripe({})
    stripe = sdkFor(local.url)
  })
  afterAll(() => local.close())

  /** A subscription that is behind, by the invoice of its renewal. */
  const behind = async (card = cardNumbers.declined) => {
    const clock = await scene.clock(Date.UTC(2026, 0, 15) / 1000)
    const subscription = await scene.subscribe(9900, {
      customer: await scene.customer({ test_clock: clock }),
    })
    await scene.changeCard(subscription.customer, card)
    await scene.advance(clock, subscription.item.current_period_end + 2 * 60 * 60)
    const { id: invoice, hosted_invoice_url: url } = await scene.latestInvoice(subscription.id)
    return { ...subscription, invoice, url: String(url) }
  }

  const send = async (url: string, fields: Record<string, string>) => {
    const response = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams(fields),
      redirect: 'manual',
    })
    return { status: response.status, location: response.headers.get('location') ?? '' }
  }
  const read = async (url: string) => (await fetch(url)).text()
  const typed = (card_number: string) => ({ card_number, expiry: '12 / 34', cvc: '123', name: 'Ana' })
  const payLocally = (invoice: string, body: object) =>
    fetch(`${local.url}/_local/invoices/${invoice}/pay`, { method: 'POST', body: JSON.stringify(body) })

  it('on its page, with the events of any payment, and the subscription is active again', async () => {
    const { id, url, invoice, customer } = await behind()
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'past_due' })
    const text = await read(url)
    expect(text).toContain('Pay $99.00')
    expect(text).toContain('Your card was declined.')
    const since = await scene.lastEvent()
    expect((await send(url, typed(cardNumbers.visa))).status).toBe(303)
    expect(await read(url)).toContain('is paid')
    expect(await scene.eventTypes(since)).toEqual([
      'payment_method.attached',
      'charge.succeeded',
      'payment_intent.succeeded',
      // They are no longer delinquent.
      'customer.updated',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
      'customer.subscription.updated',
    ])
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'active' })
    expect(await stripe.invoices.retrieve(invoice)).toMatchObject({ status: 'paid', amount_paid: 9900 })
    expect((await stripe.paymentMethods.list({ customer })).data).toHaveLength(2)
  })

  it('after 3-D Secure, which may fail first', async () => {
    const { url, invoice } = await behind()
    const asked = await send(url, typed(cardNumbers.authenticates))
    expect(asked.location).toMatch(/^\/authenticate\/pi_/)
    expect(await read(url)).toContain('Confirm with your bank')
    const failed = await send(`${local.url}${asked.location}`, { outcome: 'fail' })
    expect(failed.location).toContain('redirect_status=failed')
    expect(await read(failed.location)).toContain('We are unable to authenticate your payment method.')
    const again = await send(url, typed(cardNumbers.authenticates))
    const passed = await send(`${local.url}${again.location}`, { outcome: 'complete' })
    expect(await read(passed.location)).toContain('is paid')
    expect(await stripe.invoices.retrieve(invoice)).toMatchObject({ status: 'paid' })
  })

  it('where a change of plan waited for it', async () => {
    const { id, item, customer } = await scene.subscribe(3000)
    await scene.changeCard(customer, cardNumbers.declined)
    const dearer = await scene.price(9000)
    const pending = await stripe.subscriptions.update(id, {
      items: [{ id: item.id, price: dearer }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    })
    const { hosted_invoice_url: url } = await stripe.invoices.retrieve(idOf(pending.latest_invoice))
    await send(String(url), typed(cardNumbers.visa))
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({
      pending_update: null,
      items: { data: [{ price: { id: dearer } }] },
    })
  })

  it('without a browser, declined cards and 3-D Secure included', async () => {
    const { id, invoice } = await behind()
    const declined = await payLocally(invoice, { card: cardNumbers.insufficientFunds })
    expect(declined.status).toBe(402)
    expect(await declined.json()).toMatchObject({ error: { decline_code: 'insufficient_funds' } })
    const card = cardNumbers.authenticates
    expect((await payLocally(invoice, { card, authenticate: 'fail' })).status).toBe(402)
    const paid = await payLocally(invoice, { card })
    expect(await paid.json()).toMatchObject({ id: invoice, status: 'paid' })
    expect((await payLocally(invoice, { card })).status).toBe(400)
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'active' })
  })
})

describe('cards come and go', () => {
  let local: LocalStripe
  let stripe: Stripe
  const scene = billingScenes(
    () => stripe,
    () => local,
  )
  beforeAll(async () => {
    local = await startLocalStripe({})
    stripe = sdkFor(local.url)
  })
  afterAll(() => local.close())

  it('a card is saved for later by a setup intent, and by a checkout that charges nothing', async () => {
    const customer = await scene.customer()
    const since = await scene.lastEvent()
    const intent = await stripe.setupIntents.create({
      customer,
      payment_method: 'pm_card_mastercard',
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    })
    expect(intent.status).toBe('succeeded')
    expect(await scene.eventTypes(since)).toEqual([
      'setup_intent.created',
      'payment_method.attached',
      'setup_intent.succeeded',
    ])
    await stripe.customers.update(customer, {
      invoice_settings: { default_payment_method: idOf(intent.payment_method) },
    })
    const session = await stripe.checkout.sessions.create({
      mode: 'setup',
      currency: 'usd',
      customer,
      success_url: 'https://example.com/done',
      setup_intent_data: { metadata: { subscription_id: 'sub_1' } },
    })
    await fetch(`${local.url}/_local/checkout/${session.id}/pay`, {
      method: 'POST',
      body: JSON.stringify({ card: cardNumbers.visa }),
    })
    const { setup_intent } = await stripe.checkout.sessions.retrieve(session.id)
    const saved = await stripe.setupIntents.retrieve(idOf(setup_intent))
    expect(saved).toMatchObject({ status: 'succeeded', customer, metadata: { subscription_id: 'sub_1' } })
    const { data } = await stripe.paymentMethods.list({ customer })
    expect(data).toHaveLength(3)
    expect(data.map(({ card }) => card?.brand)).toContain('mastercard')
  })

  it('a card that is taken away is nobody’s default any more', async () => {
    const customer = await scene.customer()
    const { invoice_settings } = (await stripe.customers.retrieve(customer)) as Stripe.Customer
    const method = idOf(invoice_settings.default_payment_method)
    const { id } = await scene.subscribe(3000, { customer, default_payment_method: method })
    const since = await scene.lastEvent()
    await stripe.paymentMethods.detach(method)
    expect(await scene.eventTypes(since)).toEqual([
      'payment_method.detached',
      'customer.updated',
      'customer.subscription.updated',
    ])
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ default_payment_method: null })
  })

  it('the card network tells of a new card', async () => {
    const customer = await scene.customer()
    const [method] = (await stripe.paymentMethods.list({ customer })).data
    const since = await scene.lastEvent()
    await fetch(`${local.url}/_local/payment_methods/${method?.id}/replace`, {
      method: 'POST',
      body: JSON.stringify({ card: '4000056655665556' }),
    })
    expect(await scene.eventTypes(since)).toEqual(['payment_method.automatically_updated'])
    const { data } = await stripe.events.list({ limit: 1 })
    expect(data[0]?.data).toMatchObject({
      object: { id: method?.id, card: { last4: '5556' } },
      previous_attributes: { card: { last4: '4242' } },
    })
  })
})
