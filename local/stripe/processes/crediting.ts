import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import {
  newCreditNote,
  type CreditedRefund,
  type CreditNote,
  type CreditReason,
} from '../objects/credit-note.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { Refund } from '../objects/refund.ts'
import { formatAmount, type Metadata } from '../objects/shared.ts'
import { sumOf } from '../objects/tax-rate.ts'
import { creditLine, wholeAmount, type WantedLine } from './credit-note-lines.ts'
import { changeBalance } from './customer-balance.ts'
import { cancelPayments, intentOf, markPaid } from './invoicing.ts'
import { refundCharge } from './refunding.ts'
import { followPaidInvoice } from './subscription-status.ts'

export interface WantedCredit {
  amount?: number | undefined
  lines?: WantedLine[] | undefined
  creditAmount?: number | undefined
  outOfBandAmount?: number | undefined
  refundAmount?: number | undefined
  refunds?: { refund: Refund; amount: number }[] | undefined
  effectiveAt?: number | undefined
  memo?: string | undefined
  metadata?: Metadata
  reason?: CreditReason | undefined
}

/** Takes something off a finalized invoice: first of what is still to be paid, then of what has been, which is given back as
 *  the caller says (https://docs.stripe.com/api/credit_notes/create).
 *  @throws StripeError when it is more than the invoice, or the parts do not add up */
export function issueCreditNote(account: Account, invoice: Invoice, wanted: WantedCredit): CreditNote {
  if (invoice.status !== 'open' && invoice.status !== 'paid')
    throw invalidRequest(
      `You can only create credit notes for open or paid invoices. This invoice is ${invoice.status}.`,
      { param: 'invoice' },
    )
  const lines = wanted.lines?.map((line, at) => creditLine(account, invoice, line, at)) ?? [
    wholeAmount(wanted.amount ?? 0),
  ]
  const total = lines.reduce(
    (sum, { amount, discount_amount, taxes }) => sum + amount - discount_amount + sumOf(taxes, 'exclusive'),
    0,
  )
  refuseTooMuch(invoice, total, wanted)
  const prePayment = Math.min(total, invoice.amount_remaining)
  const postPayment = total - prePayment
  refuseUneven(invoice, postPayment, wanted)
  const note = account.creditNotes.insert(
    newCreditNote({
      now: account.nowOf(invoice.customer),
      invoice,
      baseUrl: account.baseUrl,
      number: numberOf(account, invoice),
      lines,
      prePayment,
      postPayment,
      refunds: refundsFor(account, invoice, wanted),
      outOfBandAmount: wanted.outOfBandAmount,
      effectiveAt: wanted.effectiveAt,
      memo: wanted.memo,
      metadata: wanted.metadata ?? {},
      reason: wanted.reason,
    }),
  )
  creditCustomer(account, note, wanted.creditAmount ?? 0)
  account.emit('credit_note.created', note)
  lowerInvoice(account, invoice, note)
  return note
}

function refuseTooMuch(invoice: Invoice, total: number, { amount, lines }: WantedCredit): void {
  if (total <= 0)
    throw invalidRequest('The credit note amount must be greater than zero.', {
      param: lines ? 'lines' : 'amount',
    })
  if (amount !== undefined && amount !== total)
    throw invalidRequest('The `amount` must be the sum of the `lines`.', { param: 'amount' })
  const left =
    invoice.total - invoice.post_payment_credit_notes_amount - invoice.pre_payment_credit_notes_amount
  if (total <= left) return
  const written = (value: number): string => formatAmount(value, invoice.currency)
  throw invalidRequest(
    `The credit note amount (${written(total)}) is greater than what is left of the invoice (${written(left)}).`,
    { param: lines ? 'lines' : 'amount' },
  )
}

function refuseUneven(invoice: Invoice, postPayment: number, wanted: WantedCredit): void {
  const refunded = (wanted.refunds ?? []).reduce((sum, { amount }) => sum + amount, 0)
  const given =
    refunded + (wanted.refundAmount ?? 0) + (wanted.creditAmount ?? 0) + (wanted.outOfBandAmount ?? 0)
  if (given === postPayment) return
  const written = (value: number): string => formatAmount(value, invoice.currency)
  throw invalidRequest(
    `The sum of credit amount, refund amount and out of band amount (${written(given)}) must equal the credit note amount (${written(postPayment)}).`,
  )
}

const numberOf = (account: Account, invoice: Invoice): string =>
  `${invoice.number ?? ''}-CN-${String(account.creditNotes.where('invoice', invoice.id).length + 1).padStart(2, '0')}`

/** The refunds that the note names, and the one that it asks for. */
function refundsFor(account: Account, invoice: Invoice, wanted: WantedCredit): CreditedRefund[] {
  const linked = wanted.refunds ?? []
  for (const { refund, amount } of linked) refuseForeignRefund(account, invoice, refund, amount)
  const made = wanted.refundAmount ? [refundInvoice(account, invoice, wanted.refundAmount)] : []
  return [...linked, ...made.map((refund) => ({ refund, amount: refund.amount }))].map(
    ({ refund, amount }) => ({
      amount_refunded: amount,
      payment_record_refund: null,
      refund: refund.id,
      type: 'refund',
    }),
  )
}

function refundInvoice(account: Account, invoice: Invoice, amount: number): Refund {
  const charge = account.charges.get(intentOf(account, invoice)?.latest_charge ?? '')
  if (charge) return refundCharge(account, charge, { amount })
  throw invalidRequest('This invoice was not paid by a charge that could be refunded.', {
    param: 'refund_amount',
  })
}

/** A refund belongs to a payment of the invoice, and counts once, however many notes name it. */
function refuseForeignRefund(account: Account, invoice: Invoice, refund: Refund, amount: number): void {
  const [payment] = account.invoicePayments.where('payment_intent', refund.payment_intent)
  if (payment?.invoice !== invoice.id)
    throw invalidRequest(`The refund ${refund.id} does not belong to a payment of this invoice.`, {
      param: 'refunds',
    })
  const counted = account.creditNotes
    .where('invoice', invoice.id)
    .flatMap(({ refunds }) => refunds)
    .filter((one) => one.refund === refund.id)
    .reduce((sum, one) => sum + one.amount_refunded, 0)
  if (counted + amount > refund.amount)
    throw invalidRequest(`The refund ${refund.id} is part of other credit notes already.`, {
      param: 'refunds',
    })
}

function creditCustomer(account: Account, note: CreditNote, amount: number): void {
  const customer = account.customers.get(note.customer)
  if (amount === 0 || !customer) return
  const { id } = changeBalance(account, customer, -amount, {
    type: 'credit_note',
    currency: note.currency,
    creditNote: note.id,
    invoice: note.invoice,
  })
  account.creditNotes.change(note, { customer_balance_transaction: id })
}

/** An invoice of which nothing is left to pay is paid. */
function lowerInvoice(account: Account, invoice: Invoice, note: CreditNote): void {
  const previous = changeDue(account, invoice, -note.pre_payment_amount, note.post_payment_amount)
  if (invoice.status === 'paid' || invoice.amount_remaining > 0) {
    account.emit('invoice.updated', invoice, previous)
    return
  }
  cancelPayments(account, invoice)
  markPaid(account, invoice, previous)
  followPaidInvoice(account, invoice, null)
}

/** Whoever pays the invoice from now on pays as much as is due.
 *  @returns what changed of the invoice */
function changeDue(account: Account, invoice: Invoice, due: number, given: number): Partial<Invoice> {
  const previous = account.invoices.change(invoice, {
    amount_due: invoice.amount_due + due,
    amount_remaining: invoice.amount_remaining + due,
    post_payment_credit_notes_amount: invoice.post_payment_credit_notes_amount + given,
    pre_payment_credit_notes_amount: invoice.pre_payment_credit_notes_amount - due,
  })
  const intent = intentOf(account, invoice)
  if (due === 0 || !intent || invoice.amount_remaining === 0) return previous
  account.paymentIntents.change(intent, { amount: invoice.amount_remaining })
  for (const payment of account.invoicePayments.where('payment_intent', intent.id))
    account.invoicePayments.change(payment, { amount_requested: invoice.amount_remaining })
  return previous
}

/** Takes a credit back, which only works as long as the invoice waits for its money.
 *  @throws StripeError when it does not */
export function voidCreditNote(account: Account, note: CreditNote): void {
  const invoice = account.invoices.must(note.invoice)
  if (note.status === 'void' || invoice.status !== 'open')
    throw invalidRequest('You can only void an issued credit note of an open invoice.')
  account.creditNotes.change(note, { status: 'void', voided_at: account.nowOf(note.customer) })
  account.emit('credit_note.voided', note)
  const previous = changeDue(account, invoice, note.pre_payment_amount, 0)
  account.emit('invoice.updated', invoice, previous)
}
