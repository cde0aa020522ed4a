import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { advance, saveCard } from './support/clock-session.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

const start = Date.parse('2027-01-31T10:00:00Z') / 1000
const day = 24 * 60 * 60

describe('tax rates', () => {
  let local: LocalStripe
  let stripe: Stripe
  let clock: string
  let customer: string
  let exclusive: string
  let inclusive: string
  beforeEach(async () => {
    local = await startLocalStripe()
    stripe = sdkFor(local.url)
    clock = (await stripe.testHelpers.testClocks.create({ frozen_time: start })).id
    customer = (await stripe.customers.create({ test_clock: clock })).id
    await saveCard(stripe, customer, 'pm_card_visa')
    const rate = async (params: Stripe.TaxRateCreateParams) => (await stripe.taxRates.create(params)).id
    exclusive = await rate({ display_name: 'Sales tax', inclusive: false, percentage: 10 })
    inclusive = await rate({ display_name: 'ISS', inclusive: true, percentage: 5, country: 'BR' })
  })
  afterEach(() => local.close())

  const subscribe = async (default_tax_rates: string[], unit_amount = 9900) => {
    const product = (await stripe.products.create({ name: 'Pro' })).id
    const recurring = { interval: 'month' as const }
    const price = await stripe.prices.create({ product, currency: 'brl', unit_amount, recurring })
    return stripe.subscriptions.create({ customer, items: [{ price: price.id }], default_tax_rates })
  }
  const latestInvoice = async (subscription: string) => {
    const { latest_invoice } = await stripe.subscriptions.retrieve(subscription)
    return stripe.invoices.retrieve(idOf(latest_invoice))
  }
  const totalsOf = (invoice: Stripe.Invoice) => {
    const { subtotal, subtotal_excluding_tax, total, total_excluding_tax, total_taxes } = invoice
    const taxes = (total_taxes ?? []).map((tax) => [tax.amount, tax.tax_behavior, tax.taxable_amount])
    return { subtotal, subtotal_excluding_tax, total, total_excluding_tax, taxes }
  }

  it('come on top of a subscription, also when it is renewed or previewed', async () => {
    const { id } = await subscribe([exclusive])
    const taxed = {
      subtotal: 9900,
      subtotal_excluding_tax: 9900,
      total: 10_890,
      total_excluding_tax: 9900,
      taxes: [[990, 'exclusive', 9900]],
    }
    const first = await latestInvoice(id)
    expect(totalsOf(first)).toEqual(taxed)
    expect(first).toMatchObject({ status: 'paid', amount_paid: 10_890 })
    expect(totalsOf(await stripe.invoices.createPreview({ subscription: id }))).toEqual(taxed)
    await advance(stripe, clock, start + 29 * day)
    const renewed = await latestInvoice(id)
    expect(renewed.id).not.toBe(first.id)
    expect(totalsOf(renewed)).toEqual(taxed)
    expect(renewed.default_tax_rates).toMatchObject([{ id: exclusive, percentage: 10 }])
    await stripe.subscriptions.update(id, { default_tax_rates: '' })
    expect(totalsOf(await stripe.invoices.createPreview({ subscription: id }))).toMatchObject({ total: 9900 })
  })

  it('are contained in a price', async () => {
    const { id } = await subscribe([inclusive])
    expect(totalsOf(await latestInvoice(id))).toEqual({
      subtotal: 9900,
      subtotal_excluding_tax: 9429,
      total: 9900,
      total_excluding_tax: 9429,
      taxes: [[471, 'inclusive', 9429]],
    })
  })

  it('of an item go before those of its invoice', async () => {
    const invoice = await stripe.invoices.create({
      customer,
      currency: 'brl',
      default_tax_rates: [inclusive],
    })
    const item = { customer, invoice: invoice.id, currency: 'brl' }
    await stripe.invoiceItems.create({ ...item, amount: 1050 })
    await stripe.invoiceItems.create({ ...item, amount: 1000, tax_rates: [exclusive] })
    const { lines, ...paid } = await stripe.invoices.pay(invoice.id)
    expect(lines.data.map(({ taxes }) => taxes?.map(({ amount }) => amount))).toEqual([[50], [100]])
    expect(paid).toMatchObject({ subtotal: 2050, total: 2150, total_excluding_tax: 2000, amount_paid: 2150 })

    const [, taxed] = lines.data
    const note = await stripe.creditNotes.create({
      invoice: invoice.id,
      lines: [{ type: 'invoice_line_item', invoice_line_item: idOf(taxed), amount: 500 }],
      refund_amount: 550,
    })
    expect(note).toMatchObject({ subtotal: 500, total: 550, total_excluding_tax: 500 })
    expect(note.total_taxes).toMatchObject([{ amount: 50, tax_behavior: 'exclusive' }])
  })

  it('are listed, switched off, and refused where they do not exist', async () => {
    await stripe.taxRates.update(inclusive, { active: false, description: 'Old' })
    expect((await stripe.taxRates.list({ active: true })).data).toMatchObject([{ id: exclusive }])
    expect((await stripe.events.list({ type: 'tax_rate.updated' })).data).toHaveLength(1)
    await expect(subscribe(['txr_none'])).rejects.toMatchObject({ param: 'default_tax_rates[0]' })
  })
})
