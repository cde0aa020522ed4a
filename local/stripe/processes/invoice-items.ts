import type { Account } from '../account.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'
import { invoiceItemLine, type LineItem } from '../objects/line-item.ts'
import { newInvoiceItem, type InvoiceItem } from '../objects/invoice-item.ts'
import { amountOf, type Price } from '../objects/price.ts'
import { withDiscounts } from './discounts.ts'
import { setLines } from './invoicing.ts'

/** Takes a customer's pending items onto a draft. */
export function gatherItems(account: Account, invoice: Invoice): void {
  const pending = account.invoiceItems
    .where('customer', invoice.customer)
    .filter((item) => item.invoice === null && item.currency === invoice.currency)
  for (const item of pending) account.invoiceItems.change(item, { invoice: invoice.id })
  setLines(account, invoice, [...invoice.lines, ...pending.map((item) => lineOf(account, item, invoice.id))])
}

/** The line of a price that is paid once, with the item behind it. */
export function oneTimeLine(
  account: Account,
  invoice: Invoice,
  { price, quantity, description }: { price: Price; quantity: number; description: string },
): LineItem {
  const item = newInvoiceItem({
    now: invoice.created,
    testClock: invoice.test_clock,
    customer: invoice.customer,
    amount: amountOf(price, quantity),
    quantity,
    unitAmountDecimal: price.unit_amount_decimal,
    currency: price.currency,
    description,
    price: price.id,
    product: price.product,
    invoice: invoice.id,
    subscription: subscriptionOf(invoice) ?? undefined,
    discountable: true,
    discounts: [],
    metadata: {},
  })
  return invoiceItemLine(account.invoiceItems.insert(item), invoice.id)
}

/** Puts one item on a draft. */
export function addItem(account: Account, invoice: Invoice, item: InvoiceItem): void {
  setLines(account, invoice, [...invoice.lines, lineOf(account, item, invoice.id)])
}

export function removeItem(account: Account, invoice: Invoice, item: InvoiceItem): void {
  const others = invoice.lines.filter((line) => line.parent.invoice_item_details?.invoice_item !== item.id)
  setLines(account, invoice, others)
}

const lineOf = (account: Account, item: InvoiceItem, invoice: string): LineItem =>
  withDiscounts(account, invoiceItemLine(item, invoice))
