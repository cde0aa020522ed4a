import type { Stripe } from 'stripe'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { at, textAt } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { scenes } from './support/scenes.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

const dayInSeconds = 24 * 60 * 60

describe('a subscription changes as it does at Stripe', () => {
  let local: LocalStripe
  let stripe: Stripe
  let product: string
  beforeAll(async () => {
    local = await startLocalStripe({})
    stripe = sdkFor(local.url)
    product = (await stripe.products.create({ name: 'Pro' })).id
  })
  afterAll(() => local.close())
  afterEach(() => vi.useRealTimers())

  const priceOf = (unit_amount: number, interval: 'month' | 'year' = 'month') =>
    stripe.prices.create({ product, currency: 'usd', unit_amount, recurring: { interval } })

  const subscribe = async (unitAmount: number, rest: Partial<Stripe.SubscriptionCreateParams> = {}) => {
    const customer = await stripe.customers.create({})
    const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id })
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } })
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: (await priceOf(unitAmount)).id }],
      ...rest,
    })
    const [item] = subscription.items.data
    if (!item) throw new Error('The subscription has no item')
    return { id: subscription.id, item, customer: customer.id, method: method.id }
  }

  const latestInvoice = async (subscription: string) => {
    const { latest_invoice } = await stripe.subscriptions.retrieve(subscription, {
      expand: ['latest_invoice'],
    })
    return stripe.invoices.retrieve(idOf(latest_invoice))
  }

  const eventsOf = async (type: string) => (await stripe.events.list({ type, limit: 1 })).data[0]?.data

  it('charges the rest of the period at the new price, and gives back the old', async () => {
    const { id, item } = await subscribe(3000)
    const halfway = Math.round((item.current_period_start + item.current_period_end) / 2)
    const dearer = await priceOf(9000)
    const changed = await stripe.subscriptions.update(id, {
      items: [{ id: item.id, price: dearer.id }],
      proration_behavior: 'always_invoice',
      proration_date: halfway,
    })
    expect(changed.items.data).toMatchObject([
      { id: item.id, price: { id: dearer.id }, current_period_end: item.current_period_end },
    ])
    const invoice = await latestInvoice(id)
    expect(invoice).toMatchObject({
      status: 'paid',
      billing_reason: 'subscription_update',
      amount_paid: 3000,
    })
    expect(invoice.lines.data.map(({ amount }) => amount)).toEqual([-1500, 4500])
    expect(await eventsOf('customer.subscription.updated')).toMatchObject({
      previous_attributes: { plan: { amount: 3000 }, items: { data: [{ price: { unit_amount: 3000 } }] } },
    })
  })

  it('carries what is given back to the customer’s balance, and from there to the next invoice', async () => {
    const { id, item, customer } = await subscribe(9000)
    const cheaper = await priceOf(3000)
    await stripe.subscriptions.update(id, {
      items: [{ id: item.id, price: cheaper.id }],
      proration_behavior: 'always_invoice',
    })
    expect(await latestInvoice(id)).toMatchObject({
      status: 'paid',
      total: -6000,
      amount_due: 0,
      ending_balance: -6000,
    })
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -6000 })
    await stripe.invoiceItems.create({ customer, amount: 10_000, currency: 'usd' })
    const next = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include' })
    expect(await stripe.invoices.pay(next.id)).toMatchObject({
      starting_balance: -6000,
      ending_balance: 0,
      amount_due: 4000,
      amount_paid: 4000,
    })
  })

  it('leaves prorations to the next invoice unless told otherwise', async () => {
    const { id, item, customer } = await subscribe(3000)
    await stripe.subscriptions.update(id, { items: [{ id: item.id, quantity: 3 }] })
    const { data } = await stripe.invoiceItems.list({ customer, pending: true })
    expect(data.map(({ amount, proration }) => [amount, proration])).toEqual([
      [9000, true],
      [-3000, true],
    ])
    expect(data[0]?.description).toMatch(/^Remaining time on 3 × Pro after \d\d \w{3} \d{4}$/)
    expect((await stripe.invoices.list({ subscription: id })).data).toHaveLength(1)
  })

  it('changes nothing when the card is refused and the caller wants all or nothing', async () => {
    const { id, item, customer } = await subscribe(3000)
    await fetch(`${local.url}/_local/customers/${customer}/card`, {
      method: 'POST',
      body: JSON.stringify({ card: '4000000000000341' }),
    })
    const dearer = await priceOf(9000)
    await expect(
      stripe.subscriptions.update(id, {
        items: [{ id: item.id, price: dearer.id }],
        proration_behavior: 'always_invoice',
        payment_behavior: 'error_if_incomplete',
      }),
    ).rejects.toMatchObject({ statusCode: 402, code: 'card_declined' })
    expect((await stripe.subscriptions.retrieve(id)).items.data[0]?.price.unit_amount).toBe(3000)
    expect((await stripe.invoiceItems.list({ customer })).data).toEqual([])
  })

  it('is behind after a change that could not be paid, until it is', async () => {
    const { id, item, customer } = await subscribe(3000)
    await fetch(`${local.url}/_local/customers/${customer}/card`, {
      method: 'POST',
      body: JSON.stringify({ card: '4000000000000341' }),
    })
    await stripe.subscriptions.update(id, {
      items: [{ id: item.id, quantity: 2 }],
      proration_behavior: 'always_invoice',
    })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'past_due' })
    const { id: invoice } = await latestInvoice(id)
    const method = await stripe.paymentMethods.attach('pm_card_visa', { customer })
    await stripe.invoices.pay(invoice, { payment_method: method.id })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'active' })
  })

  it('is behind while a change waits for the customer’s 3-D Secure', async () => {
    const { id, item, customer } = await subscribe(3000)
    await fetch(`${local.url}/_local/customers/${customer}/card`, {
      method: 'POST',
      body: JSON.stringify({ card: '4000002760003184' }),
    })
    await stripe.subscriptions.update(id, {
      items: [{ id: item.id, quantity: 2 }],
      proration_behavior: 'always_invoice',
    })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'past_due' })
    expect(await eventsOf('invoice.payment_action_required')).toMatchObject({ object: { status: 'open' } })
  })

  it('ends at the end of its period, if that is not taken back', async () => {
    const { id, item } = await subscribe(3000)
    expect(await stripe.subscriptions.update(id, { cancel_at_period_end: true })).toMatchObject({
      status: 'active',
      cancel_at: item.current_period_end,
      cancellation_details: { reason: 'cancellation_requested' },
    })
    expect(await stripe.subscriptions.update(id, { cancel_at_period_end: false })).toMatchObject({
      cancel_at: null,
      canceled_at: null,
      cancellation_details: { reason: null },
    })
    await stripe.subscriptions.update(id, { cancel_at_period_end: true })
    vi.useFakeTimers({ toFake: ['Date'], now: (item.current_period_end + 1) * 1000 })
    await vi.waitFor(async () => expect((await stripe.subscriptions.retrieve(id)).status).toBe('canceled'))
    expect(await eventsOf('customer.subscription.deleted')).toMatchObject({
      object: { id, status: 'canceled' },
    })
  })

  it('begins to cost when its trial is ended', async () => {
    const { id, item } = await subscribe(3000, { trial_period_days: 14 })
    expect(item.current_period_end - item.current_period_start).toBe(14 * dayInSeconds)
    const started = await stripe.subscriptions.update(id, { trial_end: 'now' })
    expect(started.status).toBe('active')
    expect(started.items.data[0]?.current_period_end).toBeGreaterThan(
      item.current_period_start + 27 * dayInSeconds,
    )
    expect(await latestInvoice(id)).toMatchObject({ status: 'paid', amount_paid: 3000 })
  })

  it('takes further items and lets others go', async () => {
    const { id, item } = await subscribe(3000)
    const extra = await priceOf(1000)
    const two = await stripe.subscriptions.update(id, { items: [{ price: extra.id, quantity: 2 }] })
    expect(two.items.data.map(({ price, quantity }) => [price.unit_amount, quantity])).toEqual([
      [3000, 1],
      [1000, 2],
    ])
    const one = await stripe.subscriptions.update(id, { items: [{ id: item.id, deleted: true }] })
    expect(one.items.data.map(({ price }) => price.unit_amount)).toEqual([1000])
  })
})

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(`answers and events of changes fit Stripe's published description${why}`, () => {
  let stripe: JudgedSession
  const scene = scenes(() => stripe)
  beforeAll(async () => {
    if ('unavailable' in description) throw new Error(description.unavailable)
    stripe = await openJudgedSession(description)
  })
  afterAll(() => stripe.close())

  it('a plan is changed at once and later, and a cancellation planned and taken back', async () => {
    const { customer } = await scene.customerWithCard()
    const subscription = await scene.subscription(customer, await scene.monthlyPrice())
    const path = `/v1/subscriptions/${textAt(subscription, 'id')}`
    const id = textAt(subscription, 'items.data[0].id')
    await stripe.post(path, { items: [{ id, quantity: 4 }] })
    const other = { id, price: await scene.monthlyPrice(), quantity: 1 }
    await stripe.post(path, { items: [other], proration_behavior: 'always_invoice' })
    await stripe.post(path, { billing_cycle_anchor: 'now', metadata: { a: 'b' } })
    await stripe.post(path, { cancel_at_period_end: true })
    const resumed = await stripe.post(path, { cancel_at_period_end: false, expand: ['latest_invoice.lines'] })
    expect(at(resumed, 'latest_invoice.billing_reason')).toBe('subscription_update')
    await stripe.get('/v1/invoiceitems', { customer })
    expect(await stripe.newProblems()).toEqual([])
  })
})
