import * as fc from 'fast-check'
import type { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { billingScenes } from './support/billing-scenes.ts'
import { textAt } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { scenes } from './support/scenes.ts'
import { sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('a preview equals the invoice that follows', () => {
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

  it('for upgrades and downgrades at any moment, whatever the prices, quantities and balance', async () => {
    const clock = await scene.clock(Date.UTC(2026, 0, 31) / 1000)
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          from: fc.integer({ min: 50, max: 99_999 }),
          to: fc.integer({ min: 0, max: 99_999 }),
          quantities: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
          elapsed: fc.double({ min: 0, max: 1, noNaN: true }),
          balance: fc.integer({ min: -20_000, max: 20_000 }),
          restarts: fc.boolean(),
        }),
        async ({ from, to, quantities, elapsed, balance, restarts }) => {
          const { id, item, customer } = await scene.subscribe(from, {
            customer: await scene.customer({ test_clock: clock }),
            items: [{ price: await scene.price(from), quantity: quantities[0] }],
          })
          await stripe.customers.update(customer, { balance })
          const { current_period_start: start, current_period_end: end } = item
          const change = {
            items: [{ id: item.id, price: await scene.price(to), quantity: quantities[1] }],
            proration_behavior: 'always_invoice' as const,
            proration_date: Math.round(start + (end - start) * elapsed),
            billing_cycle_anchor: { type: restarts ? ('now' as const) : ('unchanged' as const) },
          }
          const preview = await stripe.invoices.createPreview({
            subscription: id,
            subscription_details: change,
          })
          await stripe.subscriptions.update(id, change)
          const invoice = await scene.latestInvoice(id)
          expect(whatCounts(preview)).toEqual(whatCounts(invoice))
          expect(preview).toMatchObject({ billing_reason: 'upcoming', status: 'draft', number: null })
        },
      ),
      { numRuns: 40 },
    )
  })

  it('for the renewal, with what a change in between adds to it', async () => {
    const start = Date.UTC(2026, 0, 31) / 1000
    const clock = await scene.clock(start)
    const { id, item } = await scene.subscribe(1999, {
      customer: await scene.customer({ test_clock: clock }),
    })
    await scene.advance(clock, start + 11 * dayInSeconds)
    const change = { items: [{ id: item.id, price: await scene.price(4999), quantity: 2 }] }
    const preview = await stripe.invoices.createPreview({ subscription: id, subscription_details: change })
    await stripe.subscriptions.update(id, change)
    const renewal = await stripe.invoices.createPreview({ subscription: id })
    await scene.advance(clock, item.current_period_end + 2 * 60 * 60)
    const invoice = await scene.latestInvoice(id)
    expect(invoice).toMatchObject({ billing_reason: 'subscription_cycle', status: 'paid' })
    expect(whatCounts(preview)).toEqual(whatCounts(invoice))
    expect(whatCounts(renewal)).toEqual(whatCounts(invoice))
  })

  it('and leaves no trace, not even in the order of things', async () => {
    const { id, item, customer } = await scene.subscribe(3000, {
      items: [{ price: await scene.price(3000) }, { price: await scene.price(1000) }],
    })
    await stripe.subscriptions.update(id, { items: [{ id: item.id, quantity: 2 }] })
    const all = async () =>
      JSON.stringify([
        await stripe.subscriptions.retrieve(id),
        await stripe.customers.retrieve(customer),
        await stripe.invoices.list({ customer }),
        await stripe.invoiceItems.list({ customer }),
        await stripe.paymentIntents.list({ customer }),
        await stripe.events.list({ limit: 100 }),
      ])
    const items = [{ id: item.id, deleted: true }, { price: await scene.price(900) }]
    const before = await all()
    for (const proration_behavior of ['always_invoice', 'create_prorations', 'none'] as const)
      await stripe.invoices.createPreview({
        customer,
        subscription: id,
        subscription_details: { items, proration_behavior },
      })
    expect(await all()).toEqual(before)
  })

  it('is refused where nothing is to come', async () => {
    const { id, customer } = await scene.subscribe(3000)
    const none = { statusCode: 404, code: 'invoice_upcoming_none' }
    const ending = { cancel_at_period_end: true }
    await expect(
      stripe.invoices.createPreview({ subscription: id, subscription_details: ending }),
    ).rejects.toMatchObject(none)
    expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ cancel_at: null })
    expect(await stripe.invoices.createPreview({ customer })).toMatchObject({ total: 3000 })
    await stripe.subscriptions.cancel(id)
    await expect(stripe.invoices.createPreview({ customer })).rejects.toMatchObject(none)
    await expect(stripe.invoices.createPreview({})).rejects.toMatchObject({ code: 'parameter_missing' })
  })

  it('is refused for a moment outside of the period that was paid', async () => {
    const { id, item } = await scene.subscribe(3000)
    const change = {
      items: [{ id: item.id, quantity: 2 }],
      proration_behavior: 'always_invoice' as const,
      proration_date: item.current_period_end + 1,
    }
    const refusal = { statusCode: 400, param: 'proration_date' }
    await expect(
      stripe.invoices.createPreview({ subscription: id, subscription_details: change }),
    ).rejects.toMatchObject(refusal)
    await expect(stripe.subscriptions.update(id, change)).rejects.toMatchObject(refusal)
  })
})

const dayInSeconds = 24 * 60 * 60

/** What a customer pays for, without the ids. */
const whatCounts = (invoice: Stripe.Invoice) => ({
  due: invoice.amount_due,
  total: invoice.total,
  subtotal: invoice.subtotal,
  balance: invoice.starting_balance,
  period: [invoice.period_start, invoice.period_end],
  lines: invoice.lines.data.map(({ amount, description, period, quantity, parent }) => ({
    amount,
    description,
    period,
    quantity,
    proration: parent?.subscription_item_details?.proration,
    item: parent?.subscription_item_details?.subscription_item,
  })),
})

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(`previews fit Stripe's published description${why}`, () => {
  let stripe: JudgedSession
  const scene = scenes(() => stripe)
  beforeAll(async () => {
    if ('unavailable' in description) throw new Error(description.unavailable)
    stripe = await openJudgedSession(description)
  })
  afterAll(() => stripe.close())

  it('of a change and of a renewal', async () => {
    const { customer } = await scene.customerWithCard()
    const created = await scene.subscription(customer, await scene.monthlyPrice())
    const subscription = textAt(created, 'id')
    const items = [{ id: textAt(created, 'items.data[0].id'), quantity: 4 }]
    await stripe.post('/v1/invoices/create_preview', { customer })
    await stripe.post('/v1/invoices/create_preview', {
      subscription,
      subscription_details: { items, proration_behavior: 'always_invoice' },
    })
    expect(await stripe.newProblems()).toEqual([])
  })
})
