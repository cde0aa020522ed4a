import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { saveCard } from './support/clock-session.ts'
import { payments } from './support/payments.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('credit notes', () => {
  let local: LocalStripe
  let stripe: Stripe
  let customer: string
  beforeEach(async () => {
    local = await startLocalStripe()
    stripe = sdkFor(local.url)
    customer = (await stripe.customers.create({ email: 'ada@example.com' })).id
    await saveCard(stripe, customer, 'pm_card_visa')
  })
  afterEach(() => local.close())

  const scene = payments(() => stripe)

  /** An invoice over two lines of R$60.00 and R$40.00. */
  async function openInvoice(): Promise<Stripe.Invoice> {
    const { id } = await stripe.invoices.create({ customer, currency: 'brl' })
    const { id: product } = await stripe.products.create({ name: 'Tea' })
    const price_data = { currency: 'brl', product, unit_amount: 2000 }
    await stripe.invoiceItems.create({ customer, invoice: id, price_data, quantity: 3 })
    await stripe.invoiceItems.create({ customer, invoice: id, currency: 'brl', amount: 4000 })
    return stripe.invoices.finalizeInvoice(id)
  }
  const paidInvoice = async () => stripe.invoices.pay((await openInvoice()).id)
  const amountsOf = async (id: string) => {
    const invoice = await stripe.invoices.retrieve(id)
    const { status, amount_due, amount_remaining, amount_paid } = invoice
    const { pre_payment_credit_notes_amount: pre, post_payment_credit_notes_amount: post } = invoice
    return { status, amount_due, amount_remaining, amount_paid, pre, post }
  }

  it('lower what is still to be paid of an open invoice', async () => {
    const { id } = await openInvoice()
    const note = await stripe.creditNotes.create({ invoice: id, amount: 3000, reason: 'order_change' })
    expect(note).toMatchObject({
      type: 'pre_payment',
      status: 'issued',
      total: 3000,
      pre_payment_amount: 3000,
      post_payment_amount: 0,
    })
    expect(note.number).toMatch(/-0001-CN-01$/)
    expect(await amountsOf(id)).toMatchObject({ amount_due: 7000, amount_remaining: 7000, pre: 3000 })
    await stripe.invoices.pay(id)
    expect(await amountsOf(id)).toMatchObject({ status: 'paid', amount_paid: 7000 })
    const [charge] = (await stripe.charges.list({ customer })).data
    expect(charge?.amount).toBe(7000)
  })

  it('pay an invoice of which they leave nothing, and can be taken back before', async () => {
    const { id } = await openInvoice()
    const part = await stripe.creditNotes.create({ invoice: id, amount: 4000 })
    expect(await stripe.creditNotes.voidCreditNote(part.id)).toMatchObject({ status: 'void' })
    expect(await amountsOf(id)).toMatchObject({ amount_due: 10_000, pre: 0 })
    await stripe.creditNotes.create({ invoice: id, amount: 10_000 })
    expect(await amountsOf(id)).toMatchObject({ status: 'paid', amount_remaining: 0, pre: 10_000 })
    expect(await scene.eventTypes(['credit_note.*', 'invoice.paid', 'payment_intent.canceled'])).toEqual([
      'credit_note.created',
      'credit_note.voided',
      'credit_note.created',
      'payment_intent.canceled',
      'invoice.paid',
    ])
  })

  it('give back what was paid: as a refund, as credit, or elsewhere', async () => {
    const { id } = await paidInvoice()
    const note = await stripe.creditNotes.create({
      invoice: id,
      amount: 5000,
      refund_amount: 2000,
      credit_amount: 1800,
      out_of_band_amount: 1200,
      metadata: { request: 'r1' },
    })
    expect(note).toMatchObject({
      type: 'post_payment',
      post_payment_amount: 5000,
      out_of_band_amount: 1200,
      refunds: [{ amount_refunded: 2000, type: 'refund' }],
    })
    expect(await stripe.refunds.retrieve(idOf(note.refunds[0]?.refund))).toMatchObject({ amount: 2000 })
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -1800 })
    const [credit] = (await stripe.customers.listBalanceTransactions(customer)).data
    expect(credit).toMatchObject({ type: 'credit_note', amount: -1800, credit_note: note.id })
    expect(note.customer_balance_transaction).toBe(credit?.id)
    expect(await amountsOf(id)).toMatchObject({ status: 'paid', amount_paid: 10_000, post: 5000 })

    const next = await openInvoice()
    expect(next).toMatchObject({ total: 10_000, amount_due: 8200, starting_balance: -1800 })
    const [applied] = (await stripe.customers.listBalanceTransactions(customer)).data
    expect(applied).toMatchObject({ type: 'applied_to_invoice', amount: 1800, invoice: next.id })
  })

  it('name refunds that were made before, each only once', async () => {
    const { id } = await paidInvoice()
    const [charge] = (await stripe.charges.list({ customer })).data
    const { id: refund } = await stripe.refunds.create({ charge: idOf(charge), amount: 2500 })
    const linked = { invoice: id, amount: 2500, refunds: [{ refund }] }
    expect(await stripe.creditNotes.create(linked)).toMatchObject({
      refunds: [{ refund, amount_refunded: 2500 }],
    })
    await expect(stripe.creditNotes.create(linked)).rejects.toThrow('part of other credit notes')
    expect((await stripe.refunds.list({})).data).toHaveLength(1)
  })

  it('credit lines, by amount or by quantity', async () => {
    const invoice = await paidInvoice()
    const [three, one] = invoice.lines.data
    const note = await stripe.creditNotes.create({
      invoice: invoice.id,
      lines: [
        { type: 'invoice_line_item', invoice_line_item: idOf(three), quantity: 2 },
        { type: 'invoice_line_item', invoice_line_item: idOf(one), amount: 500 },
        { type: 'custom_line_item', unit_amount: 100, quantity: 2, description: 'For the trouble' },
      ],
      credit_amount: 4700,
    })
    expect(note.lines.data.map(({ amount, quantity }) => [amount, quantity])).toEqual([
      [4000, 2],
      [500, null],
      [200, 2],
    ])
    const again = { type: 'invoice_line_item', invoice_line_item: idOf(three), amount: 2001 } as const
    await expect(
      stripe.creditNotes.create({ invoice: invoice.id, lines: [again], credit_amount: 2001 }),
    ).rejects.toThrow('greater than what is left of the invoice line item (R$20.00)')
  })

  it('are refused when they are more than the invoice, or do not add up', async () => {
    const { id } = await paidInvoice()
    await expect(stripe.creditNotes.create({ invoice: id, amount: 10_001 })).rejects.toMatchObject({
      statusCode: 400,
      param: 'amount',
    })
    await expect(stripe.creditNotes.create({ invoice: id, amount: 200, refund_amount: 100 })).rejects.toThrow(
      'The sum of credit amount, refund amount and out of band amount (R$1.00) must equal the credit note amount (R$2.00).',
    )
    await expect(stripe.creditNotes.create({ invoice: id })).rejects.toThrow('One of `amount`')
    const draft = await stripe.invoices.create({ customer })
    await expect(stripe.creditNotes.create({ invoice: draft.id, amount: 1 })).rejects.toThrow('is draft')
    const { id: note } = await stripe.creditNotes.create({ invoice: id, amount: 1, credit_amount: 1 })
    await expect(stripe.creditNotes.voidCreditNote(note)).rejects.toThrow('of an open invoice')
  })

  it('are previewed without a trace', async () => {
    const { id } = await paidInvoice()
    const asked = { invoice: id, amount: 900, refund_amount: 900 }
    expect(await stripe.creditNotes.preview(asked)).toMatchObject({ total: 900, type: 'post_payment' })
    expect((await stripe.creditNotes.listPreviewLineItems(asked)).data).toHaveLength(1)
    expect((await stripe.creditNotes.list({ invoice: id })).data).toEqual([])
    expect((await stripe.refunds.list({})).data).toEqual([])
    expect(await amountsOf(id)).toMatchObject({ post: 0 })
  })
})
