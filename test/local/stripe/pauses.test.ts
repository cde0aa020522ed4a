import type { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { billingScenes, cardNumbers } from './support/billing-scenes.ts'
import { textAt } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { scenes } from './support/scenes.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

const dayInSeconds = 24 * 60 * 60
/** April has thirty days. */
const start = Date.UTC(2026, 3, 1) / 1000
const middle = start + 15 * dayInSeconds

describe('a subscription is paused and resumed', () => {
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

  const subscribed = async () => {
    const clock = await scene.clock(start)
    const customer = await scene.customer({ test_clock: clock })
    const subscription = await scene.subscribe(3000, { customer })
    await scene.advance(clock, middle)
    return { ...subscription, clock }
  }

  const paused = async (parameters: Stripe.SubscriptionPauseParams = {}) => {
    const subscription = await subscribed()
    await stripe.subscriptions.pause(subscription.id, parameters)
    return subscription
  }

  it('stops at once, and makes no invoice until it is resumed', async () => {
    const { id, clock, customer } = await subscribed()
    const since = await scene.lastEvent()
    const pause = await stripe.subscriptions.pause(id)
    expect(pause).toMatchObject({
      status: 'paused',
      status_details: {
        paused: {
          subscription: { type: 'pause_requested' },
          transitioned_at: middle,
          type: 'subscription',
        },
      },
      items: { data: [{ current_period_start: start, current_period_end: middle }] },
    })
    expect(await scene.eventTypes(since)).toEqual([
      'invoiceitem.created',
      'customer.subscription.updated',
      'customer.subscription.paused',
    ])
    const { data: waiting } = await stripe.invoiceItems.list({ customer, pending: true })
    expect(waiting).toMatchObject([{ amount: -1500, proration: true }])
    await scene.advance(clock, start + 55 * dayInSeconds)
    expect((await stripe.invoices.list({ customer })).data).toHaveLength(1)
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'paused' })
  })

  it('gives back what the caller wants it to', async () => {
    const { id, customer } = await subscribed()
    await stripe.subscriptions.pause(id, {
      bill_for: { unused_time_from: { type: 'item_current_period_start' } },
      invoicing_behavior: 'invoice',
    })
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -3000 })
    expect(await scene.latestInvoice(id)).toMatchObject({ status: 'paid', total: -3000 })
    const kept = await paused({ bill_for: { unused_time_from: { type: 'none' } } })
    expect((await stripe.invoiceItems.list({ customer: kept.customer })).data).toEqual([])
  })

  it('begins a new period when its payment goes through', async () => {
    const { id, clock } = await paused({ bill_for: { unused_time_from: { type: 'none' } } })
    const later = start + 40 * dayInSeconds
    await scene.advance(clock, later)
    const preview = await stripe.invoices.createPreview({
      subscription: id,
      subscription_details: { resume_at: 'now' },
    })
    const since = await scene.lastEvent()
    const resumed = await stripe.subscriptions.resume(id, {
      billing_cycle_anchor: { type: 'now' },
      payment_behavior: 'resume_on_payment_success',
    })
    expect(resumed).toMatchObject({
      status: 'active',
      pending_update: null,
      billing_cycle_anchor: later,
      items: { data: [{ current_period_start: later }] },
    })
    expect(resumed).not.toHaveProperty('status_details')
    expect(await scene.latestInvoice(id)).toMatchObject({ status: 'paid', total: preview.total })
    expect(await scene.eventTypes(since)).toEqual([
      'invoice.created',
      'invoice.finalized',
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
      'customer.subscription.updated',
      'customer.subscription.resumed',
    ])
    await scene.advance(clock, Date.UTC(2026, 5, 11, 2) / 1000)
    expect(await scene.latestInvoice(id)).toMatchObject({
      billing_reason: 'subscription_cycle',
      status: 'paid',
      total: 3000,
    })
  })

  it('stays paused while its payment fails, where nothing but a payment resumes it', async () => {
    const { id, customer } = await paused()
    await scene.changeCard(customer, cardNumbers.declined)
    const waiting = await stripe.subscriptions.resume(id, { payment_behavior: 'resume_on_payment_success' })
    expect(waiting).toMatchObject({
      status: 'paused',
      pending_update: { billing_cycle_anchor: middle, expires_at: middle + 365 * dayInSeconds },
    })
    const invoice = idOf(waiting.latest_invoice)
    await expect(stripe.invoices.pay(invoice)).rejects.toMatchObject({ code: 'card_declined' })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'paused' })
    await stripe.invoices.pay(invoice, { payment_method: await scene.addCard(customer) })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'active', pending_update: null })
  })

  it('waits for somebody to pay by default, and is behind when that fails', async () => {
    const { id, customer } = await paused()
    const waiting = await stripe.subscriptions.resume(id)
    expect(waiting).toMatchObject({
      status: 'paused',
      pending_update: { expires_at: middle + 23 * 60 * 60 },
    })
    const invoice = idOf(waiting.latest_invoice)
    expect(await stripe.invoices.retrieve(invoice)).toMatchObject({ status: 'open', attempt_count: 0 })
    await scene.changeCard(customer, cardNumbers.declined)
    await expect(stripe.invoices.pay(invoice)).rejects.toMatchObject({ code: 'card_declined' })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({
      status: 'past_due',
      pending_update: null,
    })
    await stripe.invoices.pay(invoice, { payment_method: await scene.addCard(customer) })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'active' })
  })

  it('stays paused when nobody pays in time, and can be resumed again', async () => {
    const { id, clock } = await paused()
    const waiting = await stripe.subscriptions.resume(id)
    await scene.advance(clock, middle + 23 * 60 * 60)
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'paused', pending_update: null })
    expect(await stripe.invoices.retrieve(idOf(waiting.latest_invoice))).toMatchObject({ status: 'void' })
    await stripe.subscriptions.resume(id, { payment_behavior: 'resume_on_payment_success' })
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'active' })
  })

  it('goes on with the old cycle, at once where that costs nothing now', async () => {
    const { id, clock, customer, item } = await paused()
    await scene.advance(clock, middle + 5 * dayInSeconds)
    const resumed = await stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: 'unchanged' } })
    expect(resumed).toMatchObject({
      status: 'active',
      billing_cycle_anchor: start,
      items: { data: [{ current_period_start: start, current_period_end: item.current_period_end }] },
    })
    const { data } = await stripe.invoiceItems.list({ customer, pending: true })
    expect(data.map(({ amount }) => amount)).toEqual([1000, -1500])
    await scene.advance(clock, item.current_period_end + 2 * 60 * 60)
    expect(await scene.latestInvoice(id)).toMatchObject({ status: 'paid', total: 2500 })
  })

  it('is refused where Stripe refuses it', async () => {
    const { id } = await paused()
    const refused = { statusCode: 400 }
    await expect(stripe.subscriptions.pause(id)).rejects.toMatchObject(refused)
    await expect(stripe.subscriptionSchedules.create({ from_subscription: id })).rejects.toMatchObject(
      refused,
    )
    const running = await subscribed()
    await expect(stripe.subscriptions.resume(running.id)).rejects.toMatchObject(refused)
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: running.id })
    await expect(stripe.subscriptions.pause(running.id)).rejects.toMatchObject({
      message: expect.stringContaining(schedule.id),
    })
    await stripe.subscriptionSchedules.release(schedule.id)
    expect(await stripe.subscriptions.pause(running.id)).toMatchObject({ status: 'paused' })
    const trialing = await scene.subscribe(3000, { trial_period_days: 7 })
    await expect(stripe.subscriptions.pause(trialing.id)).rejects.toMatchObject(refused)
  })

  it('ends now with what was not used given back, as its preview said', async () => {
    const { id, customer } = await subscribed()
    const preview = await stripe.invoices.createPreview({
      subscription: id,
      subscription_details: { cancel_now: true },
    })
    const canceled = await stripe.subscriptions.cancel(id, { prorate: true, invoice_now: true })
    expect(canceled.status).toBe('canceled')
    expect(await scene.latestInvoice(id)).toMatchObject({ total: -1500, amount_due: preview.amount_due })
    expect(preview.total).toBe(-1500)
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -1500 })
  })
})

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(`pauses fit Stripe's published description${why}`, () => {
  let stripe: JudgedSession
  const scene = scenes(() => stripe)
  beforeAll(async () => {
    if ('unavailable' in description) throw new Error(description.unavailable)
    stripe = await openJudgedSession(description)
  })
  afterAll(() => stripe.close())

  it('paused, waiting to be resumed and resumed', async () => {
    const { customer, method } = await scene.customerWithCard()
    const subscription = textAt(await scene.subscription(customer, await scene.monthlyPrice()), 'id')
    await stripe.post(`/v1/subscriptions/${subscription}/pause`, {
      bill_for: { unused_time_from: { type: 'none' } },
    })
    await stripe.eventAbout('customer.subscription.paused', subscription)
    const waiting = await stripe.post(`/v1/subscriptions/${subscription}/resume`)
    await stripe.get(`/v1/subscriptions/${subscription}`)
    await stripe.post(`/v1/invoices/${textAt(waiting, 'latest_invoice')}/pay`, { payment_method: method })
    await stripe.eventAbout('customer.subscription.resumed', subscription)
    expect(await stripe.newProblems()).toEqual([])
  })
})
