import type { Account } from '../account.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'
import { declineOf, type PaymentMethod } from '../objects/payment-method.ts'
import { finalizeInvoice, intentOf, setDelinquent } from './invoicing.ts'
import { attemptAndSettle, cardFor, failWithoutCard } from './paying-invoices.ts'
import { notByItself, planRetry, retryInvoiceJob } from './retrying.ts'
import { followFailedInvoice } from './subscription-status.ts'
import { cancelSubscription } from './subscribing.ts'

export const finalizeInvoiceJob = 'finalize_invoice'

/** A draft that Stripe advances by itself stays open to changes for an hour
 *  (https://docs.stripe.com/invoicing/integration/automatic-advancement-collection). */
const draftSeconds = 60 * 60

/** Lets Stripe bring an invoice to its end by itself, or keeps it from doing so.
 *  @returns what changes of the invoice */
export function setAutoAdvance(account: Account, invoice: Invoice, on: boolean): Partial<Invoice> {
  if (!on) return notByItself
  if (invoice.status === 'open') {
    if (!invoice.attempted) return { auto_advance: true, ...planFirstAttempt(account, invoice) }
    return { auto_advance: true, ...planRetry(account, { ...invoice, auto_advance: true }) }
  }
  // What is settled has nothing left to advance to.
  if (invoice.status !== 'draft') return {}
  const at = account.nowOf(invoice.customer) + draftSeconds
  account.agenda.plan(finalizeInvoiceJob, invoice.id, at, invoice.test_clock)
  return {
    auto_advance: true,
    automatically_finalizes_at: at,
    next_payment_attempt: invoice.collection_method === 'charge_automatically' ? at : null,
  }
}

/** An open invoice that nobody has tried to collect yet is tried within the hour. */
function planFirstAttempt(account: Account, invoice: Invoice): Partial<Invoice> {
  if (invoice.collection_method !== 'charge_automatically') return {}
  const at = account.nowOf(invoice.customer) + draftSeconds
  account.agenda.plan(retryInvoiceJob, invoice.id, at, invoice.test_clock)
  return { next_payment_attempt: at }
}

/** The hour of a draft is over. */
export function finalizeByItself(account: Account, id: string): void {
  const invoice = account.invoices.get(id)
  if (invoice?.status !== 'draft' || !invoice.auto_advance || !account.customers.get(invoice.customer)) return
  finalizeInvoice(account, invoice)
  if (invoice.collection_method === 'charge_automatically') collectByItself(account, id)
  else if (account.invoices.must(id).status === 'open') account.emit('invoice.sent', invoice)
}

/** An invoice that was sent to the customer is still unpaid on the day it was due. */
export function followOverdueInvoice(account: Account, id: string): void {
  const invoice = account.invoices.get(id)
  if (invoice?.status !== 'open') return
  setDelinquent(account, invoice.customer, true)
  account.emit('invoice.overdue', invoice)
  followFailedInvoice(account, invoice)
}

/** Stripe's own attempt at an open invoice, the first or one of its retries. */
export function collectByItself(account: Account, id: string): void {
  const invoice = account.invoices.get(id)
  if (invoice?.status !== 'open' || !invoice.auto_advance || !account.customers.get(invoice.customer)) return
  const isRetry = invoice.attempt_count > 0
  const counted = account.invoices.change(invoice, { attempt_count: invoice.attempt_count + 1 })
  const card = cardFor(account, invoice)
  const intent = intentOf(account, invoice)
  if (!card || !intent) failWithoutCard(account, invoice, counted)
  else if (isRetry && isHopeless(account, invoice, card)) putOff(account, invoice, counted)
  else attemptAndSettle(account, intent, { method: card, offSession: true }, counted)
  if (account.invoices.must(id).status !== 'open') return
  setDelinquent(account, invoice.customer, true)
  giveUpAfterLastRetry(account, invoice)
}

/** Codes after which Stripe keeps to its plan, but charges only another card
 *  (https://docs.stripe.com/billing/revenue-recovery/smart-retries). */
const hardDeclines = new Set([
  'authentication_required',
  'highest_risk_level',
  'incorrect_number',
  'lost_card',
  'pickup_card',
  'revocation_of_all_authorizations',
  'revocation_of_authorization',
  'stolen_card',
  'transaction_not_allowed',
])

function isHopeless(account: Account, invoice: Invoice, card: PaymentMethod): boolean {
  const charge = account.charges.get(intentOf(account, invoice)?.latest_charge ?? '')
  return charge?.payment_method === card.id && hardDeclines.has(declineOf(card)?.declineCode ?? '')
}

/** A retry that is not made counts as one, and the next is planned. */
function putOff(account: Account, invoice: Invoice, counted: Partial<Invoice>): void {
  const previous = account.invoices.change(invoice, planRetry(account, invoice))
  account.emit('invoice.updated', invoice, { ...previous, ...counted })
}

/** What the account has chosen for a subscription whose invoice Stripe has tried for the last time
 *  (https://docs.stripe.com/billing/revenue-recovery/smart-retries). */
function giveUpAfterLastRetry(account: Account, invoice: Invoice): void {
  const { after_last_retry: then } = account.settings
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (invoice.next_payment_attempt !== null || subscription?.status !== 'past_due') return
  if (then === 'cancel') cancelSubscription(account, subscription, {}, 'payment_failed')
  if (then === 'unpaid') {
    const previous = account.subscriptions.change(subscription, { status: 'unpaid' })
    account.emit('customer.subscription.updated', subscription, previous)
  }
}
