import type { Account } from '../account.ts'
import type { Customer } from '../objects/customer.ts'
import { newInvoice, subscriptionOf, type Invoice, type NewInvoice } from '../objects/invoice.ts'
import { newInvoicePayment } from '../objects/invoice-payment.ts'
import type { LineItem } from '../objects/line-item.ts'
import { newPaymentIntent, type PaymentIntent } from '../objects/payment-intent.ts'
import { sumByRate, sumOf } from '../objects/tax-rate.ts'
import { cancelPaymentIntent } from './charging.ts'
import { changeBalance } from './customer-balance.ts'
import { notByItself } from './retrying.ts'
import { withTaxes } from './taxes.ts'
import { followPaidInvoice, followSettledInvoice, followVoidedInvoice } from './subscription-status.ts'

export const overdueInvoiceJob = 'invoice_overdue'

/** Makes a draft. Its event is left to the caller, who may have to tell of the subscription first. */
export function draftInvoice(account: Account, given: Omit<NewInvoice, 'now'>): Invoice {
  const { customer, currency } = given
  const subscription = account.subscriptions.get(given.subscription?.id ?? '')
  const defaultTaxRates = subscription?.default_tax_rates ?? given.defaultTaxRates
  const invoice = account.invoices.insert(
    newInvoice({ ...given, defaultTaxRates, now: account.now(customer) }),
  )
  if (customer.currency === null) {
    const previous = account.customers.change(customer, { currency })
    account.emit('customer.updated', customer, previous)
  }
  return invoice
}

/** Puts the lines on a draft and sums them up. */
export function setLines(account: Account, invoice: Invoice, lines: LineItem[]): void {
  account.invoices.change(invoice, totalsOf(withTaxes(account, invoice, lines)))
}

/** What an invoice says of its lines; a coupon on a line has already lowered its part of the subtotal. */
export function totalsOf(lines: LineItem[]) {
  const discountOf = (line: LineItem): number =>
    line.discount_amounts.reduce((sum, { amount }) => sum + amount, 0)
  const taxes = lines.flatMap((line) => line.taxes)
  const subtotal = lines.reduce((sum, line) => sum + line.amount - discountOf(line), 0)
  const withoutTax = subtotal - sumOf(taxes, 'inclusive')
  const total = subtotal + sumOf(taxes, 'exclusive')
  return {
    lines,
    subtotal,
    subtotal_excluding_tax: withoutTax,
    total,
    total_excluding_tax: withoutTax,
    amount_due: Math.max(total, 0),
    amount_remaining: Math.max(total, 0),
    total_discount_amounts: lines.flatMap((line) => line.discount_amounts),
    total_pretax_credit_amounts: lines.flatMap((line) => line.pretax_credit_amounts),
    total_taxes: sumByRate(taxes),
  }
}

/** Closes a draft: it gets its number, and an intent to pay it with or, when nothing is due, is paid at once. */
export function finalizeInvoice(account: Account, invoice: Invoice): void {
  const customer = account.customers.must(invoice.customer)
  const now = account.now(customer)
  closeDraft(account, invoice, applyBalance(account, invoice, customer))
  if (invoice.due_date !== null)
    account.agenda.plan(overdueInvoiceJob, invoice.id, invoice.due_date, invoice.test_clock)
  if (invoice.amount_due === 0) {
    account.emit('invoice.finalized', invoice)
    markPaid(account, invoice)
    followPaidInvoice(account, invoice, null)
    return
  }
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  const intent = account.paymentIntents.insert(
    newPaymentIntent({
      now,
      amount: invoice.amount_due,
      currency: invoice.currency,
      customer: customer.id,
      paymentMethod: null,
      description: descriptionOf(invoice),
      setupFutureUsage: subscription ? 'off_session' : null,
      invoiceMethods: subscription?.payment_settings.payment_method_types ?? null,
      orderReference: orderReferenceOf(invoice),
    }),
  )
  account.invoicePayments.insert(newInvoicePayment(invoice, intent.id, now))
  account.emit('invoice.finalized', invoice)
  account.emit('payment_intent.created', intent)
}

function closeDraft(account: Account, invoice: Invoice, settled: Partial<Invoice>): void {
  const customer = account.customers.must(invoice.customer)
  const now = account.now(customer)
  const number = `${customer.invoice_prefix}-${String(customer.next_invoice_sequence).padStart(4, '0')}`
  account.customers.change(customer, { next_invoice_sequence: customer.next_invoice_sequence + 1 })
  account.invoices.change(invoice, {
    status: 'open',
    number,
    effective_at: now,
    ...settled,
    automatically_finalizes_at: null,
    hosted_invoice_url: `${account.baseUrl}/i/${invoice.id}`,
    invoice_pdf: `${account.baseUrl}/i/${invoice.id}/pdf`,
    status_transitions: { ...invoice.status_transitions, finalized_at: now },
    ...(invoice.rendering && { rendering: { ...invoice.rendering, pdf: { page_size: 'letter' } } }),
  })
}

/** Makes the invoice of a payment that has been made already. */
export function finalizePaidInvoice(account: Account, invoice: Invoice, intent: PaymentIntent): void {
  closeDraft(account, invoice, {})
  const now = account.nowOf(invoice.customer)
  const payment = account.invoicePayments.insert({
    ...newInvoicePayment(invoice, intent.id, now),
    amount_paid: intent.amount_received,
    status: 'paid',
    status_transitions: { canceled_at: null, paid_at: now },
  })
  account.emit('invoice.finalized', invoice)
  markPaid(account, invoice)
  account.emit('invoice_payment.paid', payment)
}

/** Sets the customer's balance off against an invoice; a negative total, or one too small to charge, goes into it. */
function applyBalance(account: Account, invoice: Invoice, customer: Customer): Partial<Invoice> {
  const due = dueAfterBalance(invoice.total, customer)
  const starting = customer.balance
  const applied = invoice.total - due
  // What is too little to be charged now is owed with the next invoice.
  const tooSmall = due === 0 && invoice.total + starting > 0
  if (applied !== 0)
    changeBalance(account, customer, applied, {
      type: tooSmall ? 'invoice_too_small' : 'applied_to_invoice',
      currency: invoice.currency,
      invoice: invoice.id,
    })
  return {
    starting_balance: starting,
    ending_balance: customer.balance,
    amount_due: due,
    amount_remaining: due,
  }
}

/** What is left to pay of a total when the customer's balance is set off against it. */
export const dueAfterBalance = (total: number, { balance }: Customer): number =>
  total + balance < smallestCharge ? 0 : total + balance

/** Shows a draft as an invoice to come: it exists nowhere, and the customer's balance is set off against it already. */
export function asUpcoming(draft: Invoice, customer: Customer): Invoice {
  const id = draft.id.replace('in_', 'upcoming_in_')
  const due = dueAfterBalance(draft.total, customer)
  return {
    ...draft,
    id,
    amount_due: due,
    amount_remaining: due,
    billing_reason: 'upcoming',
    lines: draft.lines.map((line) => ({ ...line, invoice: id })),
    starting_balance: customer.balance,
  }
}

/** What a voided invoice took of the customer's balance, or put on it, is as if it had never been
 *  (https://docs.stripe.com/billing/customer/balance#transaction-types, `unapplied_from_invoice`). */
function returnCredit(account: Account, invoice: Invoice): void {
  const customer = account.customers.get(invoice.customer)
  const used = (invoice.ending_balance ?? invoice.starting_balance) - invoice.starting_balance
  if (!customer || used === 0) return
  changeBalance(account, customer, -used, {
    type: 'unapplied_from_invoice',
    currency: invoice.currency,
    invoice: invoice.id,
  })
}

/** Fifty cents, in whatever the currency's smallest unit is, is the least that Stripe charges. */
export const smallestCharge = 50

/** What the card networks are told is paid for, in the 25 characters they take: the session or the invoice.
 *  They are told only of invoices whose lines all say what they are for. */
const orderReferenceOf = (invoice: Invoice): string | undefined =>
  invoice.lines.every(({ description }) => description !== null)
    ? (invoice.hidden.orderReference ?? invoice.id).slice(0, 25)
    : undefined

const descriptionOf = (invoice: Invoice): string =>
  ({
    manual: 'Payment for Invoice',
    upcoming: 'Subscription update',
    subscription_create: 'Subscription creation',
    subscription_cycle: 'Subscription update',
    subscription_update: 'Subscription update',
    subscription_threshold: 'Subscription update',
  })[invoice.billing_reason]

/** The intent that collects an invoice, if there is one. */
export function intentOf(account: Account, invoice: Invoice): PaymentIntent | undefined {
  const payment = account.invoicePayments
    .where('invoice', invoice.id)
    .findLast(({ is_default }) => is_default)
  return payment && account.paymentIntents.get(payment.payment.payment_intent)
}

/** A customer is delinquent from a failure of what Stripe collects by itself until an invoice is settled, whichever it is
 *  (https://docs.stripe.com/api/customers/object, `delinquent`). */
export function setDelinquent(account: Account, id: string, delinquent: boolean): void {
  const customer = account.customers.get(id)
  if (!customer || customer.delinquent === delinquent) return
  const previous = account.customers.change(customer, { delinquent })
  account.emit('customer.updated', customer, previous)
}

/** Nothing is owed any more. */
export function markPaid(account: Account, invoice: Invoice, before: Partial<Invoice> = {}): void {
  const now = account.nowOf(invoice.customer)
  const previous = account.invoices.change(invoice, {
    status: 'paid',
    attempted: true,
    ...notByItself,
    amount_paid: invoice.amount_due,
    amount_remaining: 0,
    status_transitions: { ...invoice.status_transitions, paid_at: now },
  })
  setDelinquent(account, invoice.customer, false)
  account.emit('invoice.updated', invoice, { ...before, ...previous })
  account.emit('invoice.paid', invoice)
  account.emit('invoice.payment_succeeded', invoice)
}

/** Gives up an open invoice: nobody can pay it any more. */
export function voidInvoice(account: Account, invoice: Invoice): void {
  const now = account.nowOf(invoice.customer)
  account.invoices.change(invoice, {
    status: 'void',
    ...notByItself,
    status_transitions: { ...invoice.status_transitions, voided_at: now },
  })
  cancelPayments(account, invoice)
  returnCredit(account, invoice)
  account.emit('invoice.voided', invoice)
  // What was billed before decides now; a draft is not yet asked for.
  const before = account.invoices
    .where('subscription', subscriptionOf(invoice) ?? '')
    .findLast((one) => one.status !== 'void' && one.status !== 'draft')
  if (before?.status !== 'open') followSettledInvoice(account, invoice)
  followVoidedInvoice(account, invoice)
}

/** Whatever was to pay an invoice cannot do so any more. */
export function cancelPayments(account: Account, invoice: Invoice): void {
  for (const payment of account.invoicePayments.where('invoice', invoice.id)) {
    if (payment.status !== 'open') continue
    account.invoicePayments.change(payment, {
      status: 'canceled',
      status_transitions: { canceled_at: account.nowOf(invoice.customer), paid_at: null },
    })
    const intent = account.paymentIntents.must(payment.payment.payment_intent)
    if (intent.status !== 'succeeded' && intent.status !== 'canceled')
      cancelPaymentIntent(account, intent, 'void_invoice')
  }
}

/** Nobody expects the money any more, though it may still be paid. */
export function markUncollectible(account: Account, invoice: Invoice): void {
  if (invoice.status === 'draft') finalizeInvoice(account, invoice)
  const now = account.nowOf(invoice.customer)
  account.invoices.change(invoice, {
    status: 'uncollectible',
    ...notByItself,
    status_transitions: { ...invoice.status_transitions, marked_uncollectible_at: now },
  })
  setDelinquent(account, invoice.customer, false)
  account.emit('invoice.marked_uncollectible', invoice)
  followSettledInvoice(account, invoice)
}

/** The invoices of a customer's subscription that still wait for money. */
export const openInvoicesOf = (account: Account, subscription: string): Invoice[] =>
  account.invoices.where('subscription', subscription).filter(({ status }) => status === 'open')
