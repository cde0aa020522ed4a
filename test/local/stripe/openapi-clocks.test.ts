import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { at, textAt, type JsonObject } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { scenes } from './support/scenes.ts'

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''
const start = Date.parse('2027-01-31T10:00:00Z') / 1000
const hours = 60 * 60
const days = 24 * hours

describe.skipIf(why !== '')(
  `answers and events of what happens by itself fit Stripe's published description${why}`,
  { timeout: 20_000 },
  () => {
    let stripe: JudgedSession
    const scene = scenes(() => stripe)
    beforeAll(async () => {
      if ('unavailable' in description) throw new Error(description.unavailable)
      stripe = await openJudgedSession(description)
    })
    afterAll(() => stripe.close())

    const newClock = async () =>
      textAt(await stripe.post('/v1/test_helpers/test_clocks', { frozen_time: start, name: 'Life' }), 'id')
    const advance = async (clock: string, to: number) => {
      await stripe.post(`/v1/test_helpers/test_clocks/${clock}/advance`, { frozen_time: to })
      const ready = (found: JsonObject) => found['status'] === 'ready' && found['frozen_time'] === to
      await expect
        .poll(async () => ready(await stripe.get(`/v1/test_helpers/test_clocks/${clock}`)), {
          timeout: 5_000,
        })
        .toBe(true)
    }
    const subscriber = async (clock: string, card: string | null, parameters: JsonObject = {}) => {
      const customer = textAt(await stripe.post('/v1/customers', { test_clock: clock }), 'id')
      if (card !== null) {
        const method = textAt(await stripe.post(`/v1/payment_methods/${card}/attach`, { customer }), 'id')
        await stripe.post(`/v1/customers/${customer}`, {
          invoice_settings: { default_payment_method: method },
        })
      }
      const subscription = await scene.subscription(customer, await scene.monthlyPrice(), parameters)
      return { customer, subscription: textAt(subscription, 'id') }
    }
    const latestInvoice = async (subscription: string) =>
      textAt(await stripe.get(`/v1/subscriptions/${subscription}`), 'latest_invoice')

    it('a renewal that is paid', async () => {
      const clock = await newClock()
      const { subscription } = await subscriber(clock, 'pm_card_visa')
      await advance(clock, start + 28 * days)
      const draft = await latestInvoice(subscription)
      await stripe.eventAbout('invoice.created', draft)
      await advance(clock, start + 29 * days)
      await stripe.eventAbout('invoice.paid', draft)
      await stripe.get(`/v1/invoices/${draft}`, {
        expand: ['payments.data.payment.payment_intent.latest_charge'],
      })
      await stripe.get('/v1/test_helpers/test_clocks')
      await stripe.delete(`/v1/test_helpers/test_clocks/${clock}`)
      await stripe.eventAbout('test_helpers.test_clock.deleted', clock)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a renewal that fails, is retried, taken over and recovered', async () => {
      const clock = await newClock()
      const { customer, subscription } = await subscriber(clock, 'pm_card_visa')
      const bad = textAt(
        await stripe.post('/v1/payment_methods/pm_card_chargeCustomerFail/attach', { customer }),
        'id',
      )
      await stripe.post(`/v1/customers/${customer}`, { invoice_settings: { default_payment_method: bad } })
      await advance(clock, start + 33 * days)
      const invoice = await latestInvoice(subscription)
      await stripe.eventAbout('invoice.payment_failed', invoice)
      await stripe.post(`/v1/invoices/${invoice}`, { auto_advance: false })
      const refusal = await stripe.refused(402, 'POST', `/v1/invoices/${invoice}/pay`, { off_session: true })
      expect(refusal['error']).toMatchObject({ advice_code: 'try_again_later' })
      const good = textAt(await stripe.post('/v1/payment_methods/pm_card_visa/attach', { customer }), 'id')
      await stripe.post(`/v1/invoices/${invoice}/pay`, { payment_method: good })
      const recovered = await stripe.eventAbout('invoice.paid', invoice)
      expect(at(recovered, 'data.object.attempt_count')).toBe(2)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('a renewal that needs the customer', async () => {
      const clock = await newClock()
      const { customer, subscription } = await subscriber(clock, 'pm_card_visa')
      const method = textAt(
        await stripe.post('/v1/payment_methods/pm_card_authenticationRequired/attach', { customer }),
        'id',
      )
      await stripe.post(`/v1/customers/${customer}`, { invoice_settings: { default_payment_method: method } })
      await advance(clock, start + 29 * days)
      const invoice = await latestInvoice(subscription)
      await stripe.eventAbout('invoice.payment_action_required', invoice)
      const refusal = await stripe.refused(402, 'POST', `/v1/invoices/${invoice}/pay`)
      expect(refusal['error']).toMatchObject({ code: 'invoice_payment_intent_requires_action' })
      await stripe.post(`/v1/invoices/${invoice}/void`)
      await stripe.eventAbout('invoice.voided', invoice)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('trials that end charged, canceled, paused and unpaid', async () => {
      const clock = await newClock()
      const ending = (then: string) => ({
        trial_period_days: 5,
        trial_settings: { end_behavior: { missing_payment_method: then } },
      })
      const charged = await subscriber(clock, 'pm_card_visa', { trial_period_days: 5 })
      const canceled = await subscriber(clock, null, ending('cancel'))
      const paused = await subscriber(clock, null, ending('pause'))
      const unpaid = await subscriber(clock, null, ending('create_invoice'))
      await advance(clock, start + 6 * days)
      for (const { subscription } of [charged, canceled, paused, unpaid])
        await stripe.eventAbout('customer.subscription.trial_will_end', subscription)
      await stripe.eventAbout('customer.subscription.deleted', canceled.subscription)
      await stripe.eventAbout('customer.subscription.paused', paused.subscription)
      await stripe.eventAbout('invoice.paid', await latestInvoice(charged.subscription))
      await stripe.eventAbout('invoice.payment_failed', await latestInvoice(unpaid.subscription))
      expect(await stripe.newProblems()).toEqual([])
    })

    it('collection that is paused, and an end that is planned', async () => {
      const clock = await newClock()
      const held = await Promise.all(
        ['keep_as_draft', 'mark_uncollectible', 'void'].map(async (behavior) => {
          const { subscription } = await subscriber(clock, 'pm_card_visa')
          const pause_collection = { behavior, resumes_at: start + 40 * days }
          await stripe.post(`/v1/subscriptions/${subscription}`, { pause_collection })
          return subscription
        }),
      )
      const { subscription: ending } = await subscriber(clock, 'pm_card_visa', {
        cancel_at: start + 45 * days,
      })
      await advance(clock, start + 29 * days)
      await advance(clock, start + 46 * days)
      for (const subscription of held)
        expect(await stripe.get(`/v1/subscriptions/${subscription}`)).toMatchObject({
          pause_collection: null,
        })
      await stripe.eventAbout('customer.subscription.deleted', ending)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('an invoice that is sent, drafted by hand and collected by itself', async () => {
      const clock = await newClock()
      const { customer } = await subscriber(clock, 'pm_card_visa')
      const invoice = textAt(await stripe.post('/v1/invoices', { customer, auto_advance: true }), 'id')
      await stripe.post('/v1/invoiceitems', { customer, invoice, amount: 700, currency: 'usd' })
      const { subscription: sent } = await subscriber(clock, null, {
        collection_method: 'send_invoice',
        days_until_due: 3,
      })
      await advance(clock, start + 2 * hours)
      await stripe.eventAbout('invoice.paid', invoice)
      await advance(clock, start + 4 * days)
      expect(await stripe.get(`/v1/subscriptions/${sent}`)).toMatchObject({ status: 'past_due' })
      await stripe.get('/v1/balance')
      await stripe.get('/v1/account')
      expect(await stripe.newProblems()).toEqual([])
    })
  },
)
