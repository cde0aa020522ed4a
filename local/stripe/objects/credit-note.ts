import { newId } from '../store/ids.ts'
import type { Invoice } from './invoice.ts'
import type { Metadata } from './shared.ts'
import { sumByRate, sumOf, type Tax } from './tax-rate.ts'

export const creditReasons = ['duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory'] as const
export type CreditReason = (typeof creditReasons)[number]

export interface CreditNoteLine {
  id: string
  object: 'credit_note_line_item'
  amount: number
  description: string | null
  discount_amount: number
  discount_amounts: { amount: number; discount: string }[]
  invoice_line_item?: string
  livemode: false
  metadata: Metadata
  pretax_credit_amounts: never[]
  quantity: number | null
  tax_rates: never[]
  taxes: Tax[]
  type: 'invoice_line_item' | 'custom_line_item'
  unit_amount: number | null
  unit_amount_decimal: string | null
}

type LineGiven = Pick<CreditNoteLine, 'amount' | 'description' | 'quantity' | 'type'> &
  Partial<CreditNoteLine>

export const creditNoteLine = (given: LineGiven): CreditNoteLine => ({
  id: newId('cnli'),
  object: 'credit_note_line_item',
  discount_amount: 0,
  discount_amounts: [],
  livemode: false,
  metadata: {},
  pretax_credit_amounts: [],
  tax_rates: [],
  taxes: [],
  unit_amount: null,
  unit_amount_decimal: null,
  ...given,
})

/** A refund by which a credit reaches the customer, as far as it is part of this note. */
export interface CreditedRefund {
  amount_refunded: number
  payment_record_refund: null
  refund: string
  type: 'refund'
}

export interface NewCreditNote {
  now: number
  invoice: Invoice
  baseUrl: string
  number: string
  lines: CreditNoteLine[]
  /** What lowers an invoice that is not paid yet; the rest has been paid, and is given back. */
  prePayment: number
  postPayment: number
  refunds: CreditedRefund[]
  outOfBandAmount: number | undefined
  effectiveAt: number | undefined
  memo: string | undefined
  metadata: Metadata
  reason: CreditReason | undefined
}

export type CreditNote = ReturnType<typeof newCreditNote>

export function newCreditNote(given: NewCreditNote) {
  const { now, invoice, lines, prePayment, postPayment } = given
  const id = newId('cn')
  const total = prePayment + postPayment
  const taxes = lines.flatMap((line) => line.taxes)
  const exclusive = sumOf(taxes, 'exclusive')
  const withoutTax = total - exclusive - sumOf(taxes, 'inclusive')
  return {
    id,
    object: 'credit_note' as const,
    amount: total,
    amount_shipping: 0,
    created: now,
    currency: invoice.currency,
    customer: invoice.customer,
    customer_account: null,
    customer_balance_transaction: null as string | null,
    discount_amount: lines.reduce((sum, { discount_amount }) => sum + discount_amount, 0),
    discount_amounts: lines.flatMap(({ discount_amounts }) => discount_amounts),
    effective_at: given.effectiveAt ?? now,
    invoice: invoice.id,
    lines,
    livemode: false,
    memo: given.memo ?? null,
    metadata: given.metadata,
    number: given.number,
    out_of_band_amount: given.outOfBandAmount ?? null,
    pdf: `${given.baseUrl}/cn/${id}/pdf`,
    post_payment_amount: postPayment,
    pre_payment_amount: prePayment,
    pretax_credit_amounts: [],
    reason: given.reason ?? null,
    refunds: given.refunds,
    shipping_cost: null,
    status: 'issued' as 'issued' | 'void',
    subtotal: total - exclusive,
    subtotal_excluding_tax: withoutTax,
    total,
    total_excluding_tax: withoutTax,
    total_taxes: sumByRate(taxes),
    type: typeOf(prePayment, postPayment),
    voided_at: null as number | null,
  }
}

function typeOf(prePayment: number, postPayment: number): 'pre_payment' | 'post_payment' | 'mixed' {
  if (prePayment > 0 && postPayment > 0) return 'mixed'
  return prePayment > 0 ? 'pre_payment' : 'post_payment'
}
