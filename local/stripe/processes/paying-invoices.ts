import type { Account } from '../account.ts'
import { invalidRequest, type StripeError } from '../http/errors.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'
import type { PaymentIntent } from '../objects/payment-intent.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import {
  attemptPayment,
  cancelPaymentIntent,
  failAuthentication,
  type Attempt,
  type PaymentOutcome,
} from './charging.ts'
import { finalizeInvoice, intentOf, markPaid } from './invoicing.ts'
import { planRetry } from './retrying.ts'
import { followFailedInvoice, followPaidInvoice } from './subscription-status.ts'

/** The card that pays an invoice when none is named: the invoice's, the subscription's, the customer's. */
export function cardFor(account: Account, invoice: Invoice): PaymentMethod | undefined {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  const customer = account.customers.get(invoice.customer)
  const id =
    invoice.default_payment_method ??
    subscription?.default_payment_method ??
    customer?.invoice_settings.default_payment_method
  return account.paymentMethods.get(id ?? '')
}

export const noCardToCharge = (): StripeError =>
  invalidRequest(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.',
    { code: 'resource_missing' },
  )

interface InvoicePaymentAttempt {
  method?: PaymentMethod | undefined
  offSession?: boolean
  /** Where the customer comes back to from their bank's 3-D Secure page. */
  returnUrl?: string | null
}

/** Collects an invoice as `invoices.pay` and Stripe itself do; finalizes a draft first.
 *  @throws StripeError when there is no card to charge. */
export function payInvoice(
  account: Account,
  invoice: Invoice,
  { method, offSession = false, returnUrl = null }: InvoicePaymentAttempt = {},
): PaymentOutcome | { kind: 'already_paid' } {
  const card = method ?? cardFor(account, invoice)
  if (!card && invoice.amount_due > 0) throw noCardToCharge()
  if (invoice.status === 'draft') finalizeInvoice(account, invoice)
  const intent = intentOf(account, invoice)
  if (!card || !intent || invoice.status === 'paid') return { kind: 'already_paid' }
  // By Stripe's count any first attempt counts, and later only its own retries do.
  const counted = invoice.attempt_count === 0 ? account.invoices.change(invoice, { attempt_count: 1 }) : {}
  return attemptAndSettle(account, intent, { method: card, offSession, returnUrl }, counted)
}

/** Attempts a payment and lets the invoice behind it, if there is one, know what came of it.
 *  @param before what has already changed of the invoice, for the event that tells of it */
export function attemptAndSettle(
  account: Account,
  intent: PaymentIntent,
  attempt: Attempt,
  before: Partial<Invoice> = {},
): PaymentOutcome {
  const [payment] = account.invoicePayments.where('payment_intent', intent.id)
  // Billing leaves an absent customer the chance to authenticate later, where a payment of its own is declined.
  const outcome = attemptPayment(account, intent, payment ? { ...attempt, offSession: false } : attempt)
  return settle(account, intent, outcome, { before, absent: attempt.offSession ?? false })
}

export function failAuthenticationAndSettle(account: Account, intent: PaymentIntent): PaymentOutcome {
  return settle(account, intent, failAuthentication(account, intent))
}

function settle(
  account: Account,
  intent: PaymentIntent,
  outcome: PaymentOutcome,
  { before, absent }: { before: Partial<Invoice>; absent: boolean } = { before: {}, absent: false },
): PaymentOutcome {
  const [payment] = account.invoicePayments.where('payment_intent', intent.id)
  if (!payment) return outcome
  const invoice = account.invoices.must(payment.invoice)
  const previous = { ...account.invoices.change(invoice, { attempted: true }), ...before }
  switch (outcome.kind) {
    case 'succeeded':
      account.invoicePayments.change(payment, {
        status: 'paid',
        amount_paid: intent.amount_received,
        status_transitions: { canceled_at: null, paid_at: account.nowOf(intent.customer) },
      })
      markPaid(account, invoice, previous)
      account.emit('invoice_payment.paid', payment)
      followPaidInvoice(account, invoice, intent.payment_method)
      break
    case 'requires_action':
      if (absent) fail(account, invoice, previous)
      account.emit('invoice.payment_action_required', invoice)
      break
    case 'declined':
      fail(account, invoice, previous)
      break
    case 'authorized':
      break
  }
  return outcome
}

/** Stripe wanted to charge by itself, and there is nothing to charge. */
export function failWithoutCard(account: Account, invoice: Invoice, before: Partial<Invoice>): void {
  fail(account, invoice, { ...account.invoices.change(invoice, { attempted: true }), ...before })
}

function fail(account: Account, invoice: Invoice, before: Partial<Invoice>): void {
  const { hidden: _hidden, ...previous } = account.invoices.change(invoice, planRetry(account, invoice))
  const changed = { ...previous, ...before }
  if (Object.keys(changed).length > 0) account.emit('invoice.updated', invoice, changed)
  account.emit('invoice.payment_failed', invoice)
  followFailedInvoice(account, invoice)
}

/** The customer paid in some other way. */
export function payOutOfBand(account: Account, invoice: Invoice): void {
  if (invoice.status === 'draft') finalizeInvoice(account, invoice)
  const intent = intentOf(account, invoice)
  if (intent) cancelPaymentIntent(account, intent, 'void_invoice')
  account.invoices.change(invoice, { amount_paid_off_stripe: invoice.amount_due })
  markPaid(account, invoice)
  followPaidInvoice(account, invoice, null)
}
