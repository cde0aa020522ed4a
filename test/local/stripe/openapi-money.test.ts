import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textAt, type JsonObject } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(
  `answers and events of money that goes back fit Stripe's published description${why}`,
  { timeout: 20_000 },
  () => {
    let stripe: JudgedSession
    beforeAll(async () => {
      if ('unavailable' in description) throw new Error(description.unavailable)
      stripe = await openJudgedSession(description)
    })
    afterAll(() => stripe.close())

    const pay = async (card: string): Promise<{ charge: string; intent: string }> => {
      const intent = await stripe.post('/v1/payment_intents', {
        amount: 9900,
        currency: 'usd',
        payment_method: card,
        confirm: true,
        capture_method: 'automatic',
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      })
      return { charge: textAt(intent, 'latest_charge'), intent: textAt(intent, 'id') }
    }

    const refund = async (parameters: JsonObject): Promise<string> =>
      textAt(await stripe.post('/v1/refunds', parameters), 'id')

    it('refunds in parts, and what is left', async () => {
      const { charge, intent } = await pay('pm_card_visa')
      const first = await refund({ payment_intent: intent, amount: 900, reason: 'duplicate' })
      await stripe.eventAbout('refund.created', first)
      await stripe.eventAbout('charge.refunded', charge)
      await stripe.post(`/v1/refunds/${first}`, { metadata: { request: 'r1' } })
      await stripe.get(`/v1/refunds/${first}`, {
        expand: ['balance_transaction', 'charge', 'payment_intent'],
      })
      await stripe.get(`/v1/charges/${charge}`, { expand: ['refunds', 'refunds.data.balance_transaction'] })
      await stripe.get(`/v1/charges/${charge}/refunds`)
      await stripe.get('/v1/refunds', { charge })
      await refund({ charge })
      await stripe.refused(400, 'POST', '/v1/refunds', { charge })
      await stripe.refused(400, 'POST', `/v1/refunds/${first}/cancel`)
      await stripe.eventAbout('refund.updated', first)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('refunds that wait, fail and are called back', async () => {
      const { charge } = await pay('pm_card_pendingRefund')
      const [waits, fails, called] = [
        await refund({ charge, amount: 100 }),
        await refund({ charge, amount: 100 }),
        await refund({ charge, amount: 100 }),
      ]
      await stripe.control(`refunds/${waits}/move`, { status: 'succeeded' })
      await stripe.control(`refunds/${fails}/move`, { status: 'failed' })
      await stripe.control(`refunds/${called}/move`, { status: 'canceled' })
      await stripe.eventAbout('refund.failed', fails)
      await stripe.eventAbout('charge.refund.updated', called)
      const expand = ['failure_balance_transaction.source']
      expect(await stripe.get(`/v1/refunds/${fails}`, { expand })).toMatchObject({ status: 'failed' })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('disputes that are answered, won, lost and given up', async () => {
      const disputed = async (card: string) => {
        const { charge } = await pay(card)
        return { charge, dispute: textAt(await stripe.get('/v1/disputes', { charge }), 'data[0].id') }
      }
      const won = await disputed('pm_card_createDispute')
      await stripe.eventAbout('charge.dispute.funds_withdrawn', won.dispute)
      await stripe.refused(400, 'POST', '/v1/refunds', { charge: won.charge })
      await stripe.post(`/v1/disputes/${won.dispute}`, {
        evidence: { product_description: 'Tea', customer_name: 'Ada' },
        metadata: { case: 'c1' },
        submit: false,
      })
      await stripe.post(`/v1/disputes/${won.dispute}`, { submit: true })
      await stripe.control(`disputes/${won.dispute}/decide`, { outcome: 'won' })
      await stripe.eventAbout('charge.dispute.funds_reinstated', won.dispute)
      await stripe.get(`/v1/disputes/${won.dispute}`, {
        expand: ['charge', 'payment_intent', 'balance_transactions.source'],
      })
      const given = await disputed('pm_card_createDisputeProductNotReceived')
      await stripe.post(`/v1/disputes/${given.dispute}/close`)
      await stripe.refused(400, 'POST', `/v1/disputes/${given.dispute}/close`)
      await stripe.eventAbout('charge.dispute.closed', given.dispute)
      const asked = await disputed('pm_card_createDisputeInquiry')
      const kept = await refund({ charge: asked.charge, amount: 100 })
      await stripe.control(`disputes/${asked.dispute}/decide`, { outcome: 'escalated' })
      await stripe.eventAbout('refund.failed', kept)
      await stripe.get('/v1/disputes', { payment_intent: 'pi_none' })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('warnings of fraud', async () => {
      const { charge } = await pay('pm_card_createIssuerFraudRecord')
      const listed = await stripe.get('/v1/radar/early_fraud_warnings', { charge })
      const warning = textAt(listed, 'data[0].id')
      await refund({ charge })
      await stripe.eventAbout('radar.early_fraud_warning.updated', warning)
      const expand = ['charge', 'payment_intent']
      await stripe.get(`/v1/radar/early_fraud_warnings/${warning}`, { expand })
      expect(await stripe.newProblems()).toEqual([])
    })

    it('the balance and its payouts', async () => {
      const { charge } = await pay('pm_card_bypassPending')
      const payout = textAt(await stripe.control('payouts', { currency: 'usd' }), 'id')
      await stripe.eventAbout('payout.created', payout)
      await stripe.eventAbout('payout.paid', payout)
      await stripe.get(`/v1/payouts/${payout}`, { expand: ['balance_transaction.source'] })
      await stripe.get('/v1/payouts')
      const taken = textAt(await stripe.get('/v1/balance_transactions', { payout }), 'data[0].id')
      await stripe.get(`/v1/balance_transactions/${taken}`)
      await stripe.get('/v1/balance_transactions', { source: charge, expand: ['data.source'] })
      await stripe.get('/v1/balance')
      expect(await stripe.newProblems()).toEqual([])
    })

    it('credit notes, and what they do to a customer', async () => {
      const customer = textAt(await stripe.post('/v1/customers', { email: 'ada@example.com' }), 'id')
      await stripe.post('/v1/payment_methods/pm_card_visa/attach', { customer })
      const method = textAt(await stripe.get('/v1/payment_methods', { customer }), 'data[0].id')
      const invoiceOf = async (amount: number) => {
        const id = textAt(await stripe.post('/v1/invoices', { customer, currency: 'usd' }), 'id')
        await stripe.post('/v1/invoiceitems', { customer, invoice: id, amount })
        await stripe.post(`/v1/invoices/${id}/finalize`)
        return id
      }
      const open = await invoiceOf(9900)
      const first = textAt(await stripe.post('/v1/credit_notes', { invoice: open, amount: 900 }), 'id')
      await stripe.post(`/v1/credit_notes/${first}`, { memo: 'Sorry', metadata: { a: 'b' } })
      await stripe.post(`/v1/credit_notes/${first}/void`)
      await stripe.eventAbout('credit_note.voided', first)
      await stripe.post('/v1/credit_notes', { invoice: open, amount: 400 })
      await stripe.post(`/v1/invoices/${open}/pay`, { payment_method: method })
      const given = { amount: 3000, refund_amount: 1000, credit_amount: 1500, out_of_band_amount: 500 }
      await stripe.get('/v1/credit_notes/preview', { invoice: open, ...given })
      await stripe.get('/v1/credit_notes/preview/lines', { invoice: open, ...given })
      const note = textAt(
        await stripe.post('/v1/credit_notes', { invoice: open, reason: 'duplicate', ...given }),
        'id',
      )
      const expand = ['refunds.refund', 'customer_balance_transaction', 'invoice', 'customer']
      await stripe.get(`/v1/credit_notes/${note}`, { expand })
      await stripe.get(`/v1/credit_notes/${note}/lines`)
      await stripe.get('/v1/credit_notes', { customer })
      const line = textAt(await stripe.get(`/v1/invoices/${open}`), 'lines.data[0].id')
      const lines = [{ type: 'invoice_line_item', invoice_line_item: line, amount: 100 }]
      await stripe.post('/v1/credit_notes', { invoice: open, lines, credit_amount: 100 })
      await stripe.refused(400, 'POST', '/v1/credit_notes', { invoice: open, amount: 99_000 })
      const settled = await invoiceOf(2000)
      await stripe.post('/v1/credit_notes', { invoice: settled, amount: 400 })
      await stripe.eventAbout('invoice.paid', settled)

      const owed = { amount: -500, currency: 'usd', description: 'Goodwill' }
      const credit = textAt(await stripe.post(`/v1/customers/${customer}/balance_transactions`, owed), 'id')
      const path = `/v1/customers/${customer}/balance_transactions/${credit}`
      await stripe.post(path, { metadata: { a: 'b' } })
      await stripe.get(path)
      await stripe.get(`/v1/customers/${customer}/balance_transactions`)
      expect(await stripe.newProblems()).toEqual([])
    })

    it('taxes, on invoices and in credit notes', async () => {
      const given = { display_name: 'VAT', percentage: 19, inclusive: false, tax_type: 'vat', country: 'DE' }
      const rate = textAt(await stripe.post('/v1/tax_rates', given), 'id')
      await stripe.post(`/v1/tax_rates/${rate}`, { metadata: { a: 'b' } })
      await stripe.get('/v1/tax_rates')
      const customer = textAt(await stripe.post('/v1/customers'), 'id')
      const invoice = textAt(
        await stripe.post('/v1/invoices', { customer, currency: 'usd', default_tax_rates: [rate] }),
        'id',
      )
      await stripe.post('/v1/invoiceitems', { customer, invoice, amount: 1000, tax_rates: [rate] })
      expect(await stripe.post(`/v1/invoices/${invoice}/finalize`)).toMatchObject({ total: 1190 })
      const line = textAt(await stripe.get(`/v1/invoices/${invoice}`), 'lines.data[0].id')
      const lines = [{ type: 'invoice_line_item', invoice_line_item: line, quantity: 1 }]
      await stripe.post('/v1/credit_notes', { invoice, lines })
      await stripe.eventAbout('invoice.paid', invoice)
      expect(await stripe.newProblems()).toEqual([])
    })
  },
)
