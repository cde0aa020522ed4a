import type { Account } from '../account.ts'
import { invalidRequest, missingParameter, noSuch } from '../http/errors.ts'
import { creditNoteLine, type CreditNoteLine } from '../objects/credit-note.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { LineItem } from '../objects/line-item.ts'
import { formatAmount, type Metadata } from '../objects/shared.ts'
import { partOf } from '../objects/tax-rate.ts'

export interface WantedLine {
  type: 'invoice_line_item' | 'custom_line_item'
  amount?: number | undefined
  description?: string | undefined
  invoiceLineItem?: string | undefined
  metadata?: Metadata
  quantity?: number | undefined
  unitAmount?: number | undefined
}

/** A credit without lines is one line, with nothing to say. */
export const wholeAmount = (amount: number): CreditNoteLine =>
  creditNoteLine({
    type: 'custom_line_item',
    amount,
    description: null,
    quantity: 1,
    unit_amount: amount,
    unit_amount_decimal: String(amount),
  })

/** @throws StripeError naming what is missing, or wrong, in this one of the lines */
export function creditLine(
  account: Account,
  invoice: Invoice,
  wanted: WantedLine,
  at: number,
): CreditNoteLine {
  const path = `lines[${at}]`
  if (wanted.type === 'custom_line_item') {
    if (wanted.unitAmount === undefined) throw missingParameter(`${path}[unit_amount]`)
    const quantity = wanted.quantity ?? 1
    return creditNoteLine({
      ...wholeAmount(wanted.unitAmount * quantity),
      description: wanted.description ?? null,
      metadata: wanted.metadata ?? {},
      quantity,
      unit_amount: wanted.unitAmount,
      unit_amount_decimal: String(wanted.unitAmount),
    })
  }
  if (wanted.invoiceLineItem === undefined) throw missingParameter(`${path}[invoice_line_item]`)
  const line = invoice.lines.find(({ id }) => id === wanted.invoiceLineItem)
  if (!line) throw noSuch('invoice line item', wanted.invoiceLineItem, `${path}[invoice_line_item]`)
  const amount =
    wanted.amount ?? Math.round((line.amount * (wanted.quantity ?? line.quantity)) / line.quantity)
  refuseTooMuch(account, line, amount, path)
  const discounts = line.discount_amounts.map(({ amount: whole, discount }) => ({
    amount: Math.round((whole * amount) / line.amount),
    discount,
  }))
  return creditNoteLine({
    type: 'invoice_line_item',
    amount,
    description: wanted.description ?? line.description,
    discount_amount: discounts.reduce((sum, one) => sum + one.amount, 0),
    discount_amounts: discounts,
    invoice_line_item: line.id,
    metadata: wanted.metadata ?? {},
    quantity: wanted.amount === undefined ? (wanted.quantity ?? line.quantity) : null,
    taxes: partOf(line.taxes, amount, line.amount),
  })
}

/** A line is credited once, however many notes do it. */
function refuseTooMuch(account: Account, line: LineItem, amount: number, path: string): void {
  const credited = account.creditNotes
    .where('invoice', line.invoice)
    .filter(({ status }) => status === 'issued')
    .flatMap(({ lines }) => lines)
    .filter(({ invoice_line_item }) => invoice_line_item === line.id)
    .reduce((sum, one) => sum + one.amount, 0)
  const left = line.amount - credited
  if (amount > 0 && amount <= left) return
  const written = (value: number): string => formatAmount(value, line.currency)
  throw invalidRequest(
    `The amount to credit (${written(amount)}) is greater than what is left of the invoice line item (${written(left)}).`,
    { param: path },
  )
}
