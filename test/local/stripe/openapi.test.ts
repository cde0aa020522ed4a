import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { at, textAt } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { cards, returnUrl, scenes } from './support/scenes.ts'

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(
  `answers and events of payments fit Stripe's published description${why}`,
  { timeout: 20_000 },
  () => {
    let stripe: JudgedSession
    const scene = scenes(() => stripe)
    beforeAll(async () => {
      if ('unavailable' in description) throw new Error(description.unavailable)
      stripe = await openJudgedSession(description)
    })
    afterAll(() => stripe.close())

    const pots = {
      line_items: [
        {
          price_data: { currency: 'usd', unit_amount: 2500, product_data: { name: 'A pot of tea' } },
          quantity: 2,
        },
      ],
    }

    it('customers are created, changed, listed and deleted', async () => {
      const address = { line1: 'One Infinite Loop', city: 'Cupertino', country: 'US' }
      const customer = await stripe.post('/v1/customers', {
        email: 'ada@example.com',
        phone: '+15550100',
        description: 'Drinks tea',
        metadata: { user: 'usr_1' },
        address,
        shipping: { name: 'Ada', address },
        preferred_locales: ['pt-BR'],
      })
      const id = textAt(customer, 'id')
      await stripe.post(`/v1/customers/${id}`, { name: 'Ada L.', metadata: { user: '', plan: 'pln_1' } })
      const updated = await stripe.eventAbout('customer.updated', id)
      const before = { name: null, metadata: { user: 'usr_1', plan: null } }
      expect(at(updated, 'data.previous_attributes')).toEqual(before)
      await stripe.get(`/v1/customers/${id}`, { expand: ['tax', 'invoice_credit_balance'] })
      await stripe.get('/v1/customers', { email: 'ada@example.com', limit: 2 })
      expect(await stripe.delete(`/v1/customers/${id}`)).toMatchObject({ deleted: true })
      await stripe.eventAbout('customer.deleted', id)
      expect(await stripe.get(`/v1/customers/${id}`)).toMatchObject({ deleted: true })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('products and prices are created, changed and listed', async () => {
      const price = await scene.monthlyPrice()
      await stripe.post(`/v1/prices/${price}`, { nickname: 'Monthly', metadata: { plan: 'pln_1' } })
      await stripe.eventAbout('price.updated', price)
      const product = textAt(await stripe.get(`/v1/prices/${price}`, { expand: ['product'] }), 'product.id')
      await stripe.get('/v1/prices', { product, expand: ['data.product'] })
      await stripe.post('/v1/prices', { product, currency: 'brl', unit_amount: 900, lookup_key: 'once' })
      await stripe.post(`/v1/products/${product}`, { active: false, default_price: price })
      await stripe.eventAbout('product.updated', product)
      await stripe.get(`/v1/products/${product}`, { expand: ['default_price'] })
      await stripe.get('/v1/products', { active: false })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('payment methods are attached, listed and detached', async () => {
      const { customer, method } = await scene.customerWithCard()
      await stripe.eventAbout('payment_method.attached', method)
      await stripe.get('/v1/payment_methods', { customer, type: 'card' })
      await stripe.get(`/v1/customers/${customer}/payment_methods`)
      await stripe.get(`/v1/customers/${customer}`, { expand: ['invoice_settings.default_payment_method'] })
      await stripe.post(`/v1/payment_methods/${method}/detach`)
      await stripe.eventAbout('payment_method.detached', method)
      await stripe.get(`/v1/payment_methods/${method}`)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a one-time checkout is declined, then paid', async () => {
      const session = textAt(
        await scene.checkout('payment', { ...pots, metadata: { payment: 'pay_1' } }),
        'id',
      )
      const path = `/v1/checkout/sessions/${session}`
      await stripe.payHosted(session, cards.declined)
      expect(await stripe.get(path)).toMatchObject({ status: 'open', payment_status: 'unpaid' })
      await stripe.payHosted(session, cards.visa)
      const completed = await stripe.eventAbout('checkout.session.completed', session)
      const paid = { status: 'complete', payment_status: 'paid', amount_total: 5000 }
      expect(at(completed, 'data.object')).toMatchObject(paid)

      const intent = textAt(completed, 'data.object.payment_intent')
      await stripe.eventAbout('payment_intent.payment_failed', intent)
      await stripe.eventAbout('payment_intent.succeeded', intent)
      const expand = ['latest_charge.balance_transaction', 'payment_method']
      const expanded = await stripe.get(`/v1/payment_intents/${intent}`, { expand })
      await stripe.eventAbout('charge.succeeded', textAt(expanded, 'latest_charge.id'))
      await stripe.get(`${path}/line_items`, { limit: 1 })
      await stripe.get(path, {
        expand: ['line_items.data.price.product', 'payment_intent.latest_charge', 'customer'],
      })
      await stripe.get('/v1/checkout/sessions', { payment_intent: intent })
      await stripe.get('/v1/charges', { payment_intent: intent })
      await stripe.get('/v1/payment_intents', { limit: 1 })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a checkout that is paid is followed by its invoice', async () => {
      const invoice_creation = {
        enabled: true,
        invoice_data: { description: 'Thanks', metadata: { a: 'b' } },
      }
      const session = textAt(await scene.checkout('payment', { ...pots, invoice_creation }), 'id')
      await stripe.payHosted(session, cards.visa)
      const completed = await stripe.eventAbout('checkout.session.completed', session)
      const invoice = textAt(completed, 'data.object.invoice')
      await stripe.eventAbout('invoice.paid', invoice)
      const expand = ['payments']
      expect(await stripe.get(`/v1/invoices/${invoice}`, { expand })).toMatchObject({
        status: 'paid',
        billing_reason: 'manual',
        amount_paid: 5000,
        description: 'Thanks',
        metadata: { a: 'b' },
        payments: {
          data: [
            {
              status: 'paid',
              payment: { payment_intent: textAt(completed, 'data.object.payment_intent') },
            },
          ],
        },
      })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a checkout takes all the options of a shop', async () => {
      const options = {
        customer_email: 'ada@example.com',
        customer_creation: 'always',
        client_reference_id: 'usr_1',
        locale: 'pt-BR',
        submit_type: 'pay',
        allow_promotion_codes: true,
        billing_address_collection: 'required',
        phone_number_collection: { enabled: true },
        custom_text: { submit: { message: 'With milk?' } },
        expires_at: Math.floor(Date.now() / 1000) + 3600,
        payment_intent_data: {
          description: 'Tea',
          metadata: { payment: 'pay_1' },
          setup_future_usage: 'off_session',
        },
      }
      const session = textAt(await scene.checkout('payment', { ...pots, ...options }), 'id')
      await stripe.post(`/v1/checkout/sessions/${session}`, { metadata: { payment: 'pay_1' } })
      await stripe.payHosted(session, cards.authenticates)
      const expand = ['customer', 'payment_intent.latest_charge', 'payment_intent.payment_method']
      const paid = await stripe.get(`/v1/checkout/sessions/${session}`, { expand })
      expect(paid).toMatchObject({ status: 'complete', payment_intent: { metadata: { payment: 'pay_1' } } })
      const card = at(paid, 'payment_intent.latest_charge.payment_method_details.card')
      expect(card).toMatchObject({ three_d_secure: { result: 'authenticated' } })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a setup checkout saves a card', async () => {
      const customer = await scene.customer()
      const session = textAt(await scene.checkout('setup', { customer, currency: 'usd' }), 'id')
      await stripe.payHosted(session, cards.visa)
      const completed = await stripe.eventAbout('checkout.session.completed', session)
      const intent = textAt(completed, 'data.object.setup_intent')
      await stripe.eventAbout('setup_intent.succeeded', intent)
      await stripe.get(`/v1/setup_intents/${intent}`, { expand: ['payment_method'] })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a checkout expires', async () => {
      const session = textAt(await scene.checkout('payment', pots), 'id')
      expect(await stripe.post(`/v1/checkout/sessions/${session}/expire`)).toMatchObject({
        status: 'expired',
      })
      await stripe.eventAbout('checkout.session.expired', session)
      await stripe.refused(400, 'POST', `/v1/checkout/sessions/${session}/expire`)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('payment intents are captured, declined, asked to authenticate and canceled', async () => {
      const { customer, method } = await scene.customerWithCard()
      const payment = { amount: 2900, currency: 'usd' }
      const now = { ...payment, confirm: true, return_url: returnUrl }

      const plain = textAt(await stripe.post('/v1/payment_intents', { ...payment, customer }), 'id')
      await stripe.post(`/v1/payment_intents/${plain}`, { description: 'Tea', metadata: { a: 'b' } })
      await stripe.post(`/v1/payment_intents/${plain}/cancel`, { cancellation_reason: 'abandoned' })
      await stripe.eventAbout('payment_intent.canceled', plain)

      const manual = { ...now, customer, payment_method: method, capture_method: 'manual' }
      const held = await stripe.post('/v1/payment_intents', manual)
      expect(held).toMatchObject({ status: 'requires_capture', amount_capturable: 2900 })
      await stripe.eventAbout('payment_intent.amount_capturable_updated', textAt(held, 'id'))
      await stripe.post(`/v1/payment_intents/${textAt(held, 'id')}/capture`, { amount_to_capture: 2000 })
      await stripe.eventAbout('charge.captured', textAt(held, 'latest_charge'))

      const poor = { ...now, payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds' }
      const refusal = await stripe.refused(402, 'POST', '/v1/payment_intents', poor)
      expect(refusal['error']).toMatchObject({ code: 'card_declined', decline_code: 'insufficient_funds' })
      await stripe.eventAbout('payment_intent.payment_failed', textAt(refusal, 'error.payment_intent.id'))
      await stripe.eventAbout('charge.failed', textAt(refusal, 'error.charge'))

      const asked = await stripe.post('/v1/payment_intents', {
        ...now,
        payment_method: 'pm_card_authenticationRequired',
      })
      expect(asked).toMatchObject({ status: 'requires_action', next_action: { type: 'redirect_to_url' } })
      await stripe.eventAbout('payment_intent.requires_action', textAt(asked, 'id'))
      expect(await stripe.newProblems()).toEqual([])
    })

    it('setup intents are confirmed and canceled', async () => {
      const customer = await scene.customer()
      const now = { customer, payment_method: 'pm_card_visa', confirm: true, return_url: returnUrl }
      expect(await stripe.post('/v1/setup_intents', now)).toMatchObject({ status: 'succeeded' })
      const unused = textAt(await stripe.post('/v1/setup_intents', { customer, usage: 'on_session' }), 'id')
      await stripe.post(`/v1/setup_intents/${unused}/cancel`)
      await stripe.eventAbout('setup_intent.canceled', unused)
      await stripe.get('/v1/setup_intents', { customer })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('objects are searched', async () => {
      const customer = await scene.customer()
      const found = await stripe.get('/v1/customers/search', {
        query: "email:'ada@example.com' AND name:'Ada'",
      })
      expect(at(found, 'data[0].id')).toBe(customer)
      await stripe.get('/v1/prices/search', { query: "active:'true'" })
      await stripe.get('/v1/payment_intents/search', { query: "metadata['payment']:'pay_1'" })
      await stripe.get('/v1/subscriptions/search', { query: "metadata['subscription']:'sbs_1'" })
      await stripe.get('/v1/invoices/search', { query: "status:'open'" })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('refusals have the shape of an error', async () => {
      const payment = { amount: 2900, currency: 'usd' }
      await stripe.refused(404, 'GET', '/v1/customers/cus_unknown0000')
      await stripe.refused(404, 'GET', '/v1/nothing_of_the_kind')
      await stripe.refused(400, 'POST', '/v1/prices', { currency: 'usd' })
      await stripe.refused(400, 'POST', '/v1/customers', { favourite_colour: 'blue' })
      await stripe.refused(400, 'POST', '/v1/payment_intents', { ...payment, amount: -1 })
      await stripe.refused(400, 'POST', '/v1/payment_intents', { ...payment, currency: 'zzz' })
      // The parameter went with API 2026-09-30.endive.
      await stripe.refused(400, 'POST', '/v1/payment_intents', { ...payment, payment_method_types: ['card'] })
      expect(await stripe.newProblems()).toEqual([])
    })
  },
)
