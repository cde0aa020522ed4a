import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { LineItem } from '../objects/line-item.ts'
import { taxesOn } from '../objects/tax-rate.ts'

/** The lines with their taxes: by the rates of the item that a line comes from, or else by those of the invoice. */
export const withTaxes = (account: Account, invoice: Invoice, lines: LineItem[]): LineItem[] =>
  lines.map((line) => {
    const { invoice_item_details: ofItem, subscription_item_details: ofSubscription } = line.parent
    const item = account.invoiceItems.get(ofItem?.invoice_item ?? ofSubscription?.invoice_item ?? '')
    const own = item?.tax_rates ?? []
    const rates = own.length > 0 ? own : invoice.default_tax_rates
    if (rates.length === 0) return { ...line, taxes: [] }
    const discounted = line.amount - line.discount_amounts.reduce((sum, { amount }) => sum + amount, 0)
    return {
      ...line,
      taxes: taxesOn(
        discounted,
        rates.map((id) => account.taxRates.must(id)),
      ),
    }
  })
