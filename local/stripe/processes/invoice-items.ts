import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import { invoiceItemLine, type LineItem } from '../objects/line-item.ts'
import type { InvoiceItem } from '../objects/invoice-item.ts'
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
