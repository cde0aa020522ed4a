import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { at, textAt } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { cards, scenes } from './support/scenes.ts'

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(
  `answers and events of billing fit Stripe's published description${why}`,
  { timeout: 20_000 },
  () => {
    let stripe: JudgedSession
    const scene = scenes(() => stripe)
    beforeAll(async () => {
      if ('unavailable' in description) throw new Error(description.unavailable)
      stripe = await openJudgedSession(description)
    })
    afterAll(() => stripe.close())

    it('a subscription checkout leaves a subscription with its first invoice', async () => {
      const customer = await scene.customer()
      const session = await scene.checkout('subscription', {
        customer,
        line_items: [{ price: await scene.monthlyPrice(), quantity: 3 }],
        subscription_data: { metadata: { subscription: 'sbs_1' } },
      })
      await stripe.payHosted(textAt(session, 'id'), cards.visa)
      const completed = await stripe.eventAbout('checkout.session.completed', textAt(session, 'id'))
      const subscription = textAt(completed, 'data.object.subscription')
      const invoice = textAt(completed, 'data.object.invoice')
      for (const type of ['created', 'finalized', 'paid', 'payment_succeeded'])
        await stripe.eventAbout(`invoice.${type}`, invoice)
      const created = await stripe.eventAbout('customer.subscription.created', subscription)
      expect(at(created, 'data.object.metadata')).toEqual({ subscription: 'sbs_1' })

      const expand = [
        'latest_invoice.payments',
        'latest_invoice.confirmation_secret',
        'default_payment_method',
        'items.data.price.product',
        'customer',
      ]
      const shown = await stripe.get(`/v1/subscriptions/${subscription}`, { expand })
      expect(shown).toMatchObject({ status: 'active', latest_invoice: { status: 'paid', total: 5700 } })
      await stripe.get('/v1/subscriptions', { customer, status: 'all' })
      await stripe.get('/v1/subscription_items', { subscription })
      const billed = await stripe.get(`/v1/invoices/${invoice}`, {
        expand: ['payments.data.payment.payment_intent'],
      })
      const intent = { description: 'Subscription creation', payment_method_types: ['card'] }
      expect(at(billed, 'payments.data[0].payment.payment_intent')).toMatchObject(intent)
      await stripe.get(`/v1/invoices/${invoice}/lines`)
      await stripe.get('/v1/invoices', { subscription })
      await stripe.get('/v1/invoice_payments', { invoice })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a subscription checkout with a trial charges nothing yet', async () => {
      const pot = { currency: 'usd', unit_amount: 2500, product_data: { name: 'A teapot' } }
      const session = await scene.checkout('subscription', {
        line_items: [{ price: await scene.monthlyPrice(), quantity: 1 }],
        subscription_data: { trial_period_days: 7 },
        payment_method_collection: 'if_required',
      })
      await stripe.payHosted(textAt(session, 'id'), cards.visa)
      const expand = ['subscription', 'invoice']
      expect(await stripe.get(`/v1/checkout/sessions/${textAt(session, 'id')}`, { expand })).toMatchObject({
        payment_status: 'no_payment_required',
        subscription: { status: 'trialing' },
        invoice: { status: 'paid', total: 0 },
      })

      const withPot = await scene.checkout('subscription', {
        line_items: [
          { price: await scene.monthlyPrice(), quantity: 1 },
          { price_data: pot, quantity: 1 },
        ],
      })
      await stripe.payHosted(textAt(withPot, 'id'), cards.visa)
      const paid = {
        amount_total: 4400,
        invoice: { total: 4400 },
        subscription: { items: { total_count: 1 } },
      }
      expect(await stripe.get(`/v1/checkout/sessions/${textAt(withPot, 'id')}`, { expand })).toMatchObject(
        paid,
      )
      expect(await stripe.newProblems()).toEqual([])
    })

    it('subscriptions start active, trialing and incomplete', async () => {
      const price = await scene.monthlyPrice()
      const { customer } = await scene.customerWithCard()
      const active = await scene.subscription(customer, price, { metadata: { a: 'b' } })
      expect(active).toMatchObject({ status: 'active' })
      expect(await scene.subscription(customer, price, { trial_period_days: 14 })).toMatchObject({
        status: 'trialing',
      })
      const waiting = {
        payment_behavior: 'default_incomplete',
        expand: ['latest_invoice.confirmation_secret'],
      }
      const incomplete = { status: 'incomplete', latest_invoice: { status: 'open' } }
      expect(await scene.subscription(customer, price, waiting)).toMatchObject(incomplete)
      await stripe.delete(`/v1/subscriptions/${textAt(active, 'id')}`)
      await stripe.eventAbout('customer.subscription.deleted', textAt(active, 'id'))
      expect(await stripe.newProblems()).toEqual([])
    })

    it('an unpaid first invoice is refused again, then paid with another card', async () => {
      const { customer } = await scene.customerWithCard('pm_card_chargeCustomerFail')
      const failed = await scene.subscription(customer, await scene.monthlyPrice(), {
        expand: ['latest_invoice'],
      })
      expect(failed).toMatchObject({ status: 'incomplete', latest_invoice: { attempt_count: 1 } })
      const invoice = textAt(failed, 'latest_invoice.id')
      await stripe.eventAbout('invoice.payment_failed', invoice)
      const refusal = await stripe.refused(402, 'POST', `/v1/invoices/${invoice}/pay`)
      expect(refusal['error']).toMatchObject({ type: 'card_error', code: 'card_declined' })
      const method = await stripe.post('/v1/payment_methods/pm_card_visa/attach', { customer })
      await stripe.post(`/v1/invoices/${invoice}/pay`, { payment_method: textAt(method, 'id') })
      await stripe.eventAbout('invoice.paid', invoice)
      const recovered = await stripe.eventAbout('customer.subscription.updated', textAt(failed, 'id'))
      expect(at(recovered, 'data.previous_attributes.status')).toBe('incomplete')
      expect(await stripe.newProblems()).toEqual([])
    })

    it('an unpaid invoice is voided', async () => {
      const { customer } = await scene.customerWithCard('pm_card_chargeCustomerFail')
      const failed = await scene.subscription(customer, await scene.monthlyPrice())
      const invoice = textAt(failed, 'latest_invoice')
      await stripe.post(`/v1/invoices/${invoice}`, { auto_advance: false, metadata: { dunning: 'dun_1' } })
      await stripe.post(`/v1/invoices/${invoice}/void`)
      await stripe.eventAbout('invoice.voided', invoice)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('an invoice is drafted, itemised, finalized and paid by hand', async () => {
      const { customer } = await scene.customerWithCard()
      const invoice = textAt(await stripe.post('/v1/invoices', { customer, description: 'Setup' }), 'id')
      const item = await stripe.post('/v1/invoiceitems', { customer, invoice, amount: 1500, currency: 'usd' })
      await stripe.eventAbout('invoiceitem.created', textAt(item, 'id'))
      await stripe.post(`/v1/invoices/${invoice}/finalize`)
      await stripe.eventAbout('invoice.finalized', invoice)
      expect(await stripe.post(`/v1/invoices/${invoice}/pay`)).toMatchObject({
        status: 'paid',
        amount_paid: 1500,
      })
      await stripe.get('/v1/invoices', { customer, expand: ['data.payments'] })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('an invoice to be sent is given up, and another is paid elsewhere', async () => {
      const customer = await scene.customer()
      const draft = async (parameters = {}) => {
        const id = textAt(await stripe.post('/v1/invoices', { customer, ...parameters }), 'id')
        const item = await stripe.post('/v1/invoiceitems', { customer, invoice: id, amount: 900 })
        await stripe.post(`/v1/invoiceitems/${textAt(item, 'id')}`, { amount: 1000 })
        return id
      }
      const sent = await draft({ collection_method: 'send_invoice', days_until_due: 30, footer: 'Thank you' })
      await stripe.post(`/v1/invoices/${sent}/finalize`)
      await stripe.post(`/v1/invoices/${sent}/mark_uncollectible`)
      await stripe.eventAbout('invoice.marked_uncollectible', sent)
      const elsewhere = await stripe.post(`/v1/invoices/${await draft()}/pay`, { paid_out_of_band: true })
      expect(elsewhere).toMatchObject({ status: 'paid', amount_paid: 1000 })
      expect(await stripe.delete(`/v1/invoices/${await draft()}`)).toMatchObject({ deleted: true })
      await stripe.get('/v1/invoiceitems', { customer })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('plans and coupons are the older and the cheaper prices', async () => {
      const plan = { id: 'gold', amount: 1000, currency: 'usd', interval: 'month', product: { name: 'Gold' } }
      await stripe.post('/v1/plans', plan)
      expect(await stripe.get('/v1/prices/gold')).toMatchObject({ unit_amount: 1000, type: 'recurring' })
      const { customer } = await scene.customerWithCard()
      const active = { status: 'active', plan: { id: 'gold', amount: 1000 } }
      expect(
        await scene.subscription(customer, 'gold', { expand: ['items.data.price.product'] }),
      ).toMatchObject(active)
      await stripe.get('/v1/plans')

      const coupon = await stripe.post('/v1/coupons', {
        percent_off: 25,
        duration: 'repeating',
        duration_in_months: 3,
      })
      await stripe.get(`/v1/coupons/${textAt(coupon, 'id')}`)
      await stripe.get('/v1/coupons')
      expect(await stripe.newProblems()).toEqual([])
    })

    it('events are listed and read as they were delivered', async () => {
      const customer = await scene.customer()
      const delivered = await stripe.eventAbout('customer.created', customer)
      const { pending_webhooks: _, ...read } = await stripe.get(`/v1/events/${textAt(delivered, 'id')}`)
      expect(delivered).toMatchObject(read)
      const listed = await stripe.get('/v1/events', { type: 'customer.created', limit: 1 })
      expect(at(listed, 'data[0].id')).toBe(delivered['id'])
      await stripe.get('/v1/events', { types: ['customer.created', 'price.created'] })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('only the answer that makes a webhook endpoint tells its secret', async () => {
      const endpoint = {
        url: 'https://shop.example.com/webhooks',
        enabled_events: ['invoice.paid'],
        api_version: '2026-10-28.endive',
      }
      const made = await stripe.post('/v1/webhook_endpoints', endpoint)
      expect(textAt(made, 'secret')).toMatch(/^whsec_/)
      const path = `/v1/webhook_endpoints/${textAt(made, 'id')}`
      await stripe.post(path, { disabled: true })
      expect(await stripe.get(path)).not.toHaveProperty('secret')
      await stripe.get('/v1/webhook_endpoints')
      expect(await stripe.delete(path)).toMatchObject({ deleted: true })
      expect(await stripe.newProblems()).toEqual([])
    })
  },
)
