import type { Account } from '../account.ts'
import { docUrl, StripeError } from '../http/errors.ts'
import { chargeTransaction } from '../objects/balance-transaction.ts'
import { newCharge, type Charge } from '../objects/charge.ts'
import type { NextAction, PaymentError, PaymentIntent } from '../objects/payment-intent.ts'
import { declineOf, type PaymentMethod } from '../objects/payment-method.ts'
import { declines, testCard, type Decline } from '../objects/test-cards.ts'
import { present } from '../present.ts'
import { followCard } from './disputing.ts'
import { attachPaymentMethod } from './payment-methods.ts'

export const bookChargeJob = 'book_charge'
const bookingSeconds = 2

/** What came of an attempt to take money. A decline carries the error that the caller is told. */
export type PaymentOutcome =
  | { kind: 'succeeded' | 'authorized'; charge: Charge }
  | { kind: 'requires_action' }
  | { kind: 'declined'; error: StripeError }

export interface Attempt {
  method: PaymentMethod
  /** The customer is not there to authenticate: a card that asks for it is declined instead. */
  offSession?: boolean
  /** The customer has just gone through 3-D Secure. */
  authenticated?: boolean
  returnUrl?: string | null
}

/** Tries to take the intent's amount from a card, with all events that this causes. */
export function attemptPayment(account: Account, intent: PaymentIntent, attempt: Attempt): PaymentOutcome {
  const { method, authenticated = false } = attempt
  const declined = declineOf(method)
  account.paymentIntents.change(intent, { payment_method: method.id, next_action: null })
  if (!authenticated && asksForAuthentication(method)) {
    if (attempt.offSession) return decline(account, intent, method, declines.authenticationRequired)
    return askForAuthentication(account, intent, attempt.returnUrl ?? null)
  }
  if (declined) return decline(account, intent, method, declined)
  return succeed(account, intent, method, authenticated)
}

export const asksForAuthentication = (method: PaymentMethod): boolean => {
  const { authentication } = testCard(method.hidden.number)
  return (
    authentication === 'always' ||
    (authentication === 'unless_set_up' && !method.hidden.authenticatedForLater)
  )
}

function askForAuthentication(
  account: Account,
  intent: PaymentIntent,
  returnUrl: string | null,
): PaymentOutcome {
  account.paymentIntents.change(intent, {
    status: 'requires_action',
    next_action: nextAction(account, intent.id, returnUrl),
    hidden: { returnUrl },
  })
  account.emit('payment_intent.requires_action', intent)
  return { kind: 'requires_action' }
}

/** Where the customer authenticates. Without an address to come back to, Stripe leaves it to its own browser script. */
export const nextAction = (account: Account, intent: string, returnUrl: string | null): NextAction =>
  returnUrl
    ? {
        redirect_to_url: { return_url: returnUrl, url: `${account.baseUrl}/authenticate/${intent}` },
        type: 'redirect_to_url',
      }
    : {
        type: 'use_stripe_sdk',
        use_stripe_sdk: {
          type: 'three_d_secure_redirect',
          stripe_js: `${account.baseUrl}/authenticate/${intent}`,
        },
      }

function decline(
  account: Account,
  intent: PaymentIntent,
  method: PaymentMethod,
  reason: Decline,
): PaymentOutcome {
  const charge = account.charges.insert(
    newCharge({
      now: account.nowOf(intent.customer),
      intent,
      method,
      decline: reason,
      captured: false,
      authenticated: false,
      baseUrl: account.baseUrl,
    }),
  )
  const failure = paymentError(account, method, reason, charge.id)
  account.paymentIntents.change(intent, {
    status: 'requires_payment_method',
    latest_charge: charge.id,
    last_payment_error: failure,
    payment_method: null,
  })
  account.emit('charge.failed', charge)
  account.emit('payment_intent.payment_failed', intent)
  return { kind: 'declined', error: cardError(account, failure, intent) }
}

/** The customer gave up, or failed, at their bank's 3-D Secure page: no charge was ever made. */
export function failAuthentication(account: Account, intent: PaymentIntent): PaymentOutcome {
  const method = account.paymentMethods.must(intent.payment_method ?? '')
  const failure: PaymentError = {
    code: 'payment_intent_authentication_failure',
    doc_url: docUrl('payment_intent_authentication_failure'),
    message:
      'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
    payment_method: present(account, method),
    type: 'invalid_request_error',
  }
  account.paymentIntents.change(intent, {
    status: 'requires_payment_method',
    last_payment_error: failure,
    next_action: null,
    payment_method: null,
  })
  account.emit('payment_intent.payment_failed', intent)
  return { kind: 'declined', error: cardError(account, failure, intent) }
}

export const paymentError = (
  account: Account,
  method: PaymentMethod,
  reason: Decline,
  charge: string | undefined,
): PaymentError => ({
  ...(reason.adviceCode && { advice_code: reason.adviceCode }),
  ...(charge && { charge }),
  code: reason.code,
  ...(reason.declineCode && { decline_code: reason.declineCode }),
  doc_url: docUrl(reason.code),
  message: reason.message,
  ...(reason.networkDeclineCode && { network_decline_code: reason.networkDeclineCode }),
  payment_method: present(account, method),
  type: 'card_error',
})

/** 402, with the whole intent and card, as Stripe answers whoever asked for the payment. */
const cardError = (account: Account, failure: PaymentError, intent: PaymentIntent): StripeError =>
  new StripeError(402, { ...failure, payment_intent: present(account, intent) })

function succeed(
  account: Account,
  intent: PaymentIntent,
  method: PaymentMethod,
  authenticated: boolean,
): PaymentOutcome {
  keepForLater(account, intent, method, authenticated)
  const captured = intent.capture_method !== 'manual'
  const now = account.nowOf(intent.customer)
  const charge = account.charges.insert(
    newCharge({ now, intent, method, captured, authenticated, baseUrl: account.baseUrl }),
  )
  if (intent.capture_method === 'automatic') book(account, charge, now)
  account.paymentIntents.change(intent, {
    status: captured ? 'succeeded' : 'requires_capture',
    latest_charge: charge.id,
    last_payment_error: null,
    amount_received: captured ? intent.amount : 0,
    amount_capturable: captured ? 0 : intent.amount,
  })
  account.emit('charge.succeeded', charge)
  if (captured) followCard(account, charge)
  account.emit(captured ? 'payment_intent.succeeded' : 'payment_intent.amount_capturable_updated', intent)
  // `automatic_async` leaves the balance for a moment later.
  if (intent.capture_method === 'automatic_async')
    account.agenda.plan(bookChargeJob, charge.id, Math.floor(Date.now() / 1000) + bookingSeconds)
  return { kind: captured ? 'succeeded' : 'authorized', charge }
}

function keepForLater(
  account: Account,
  intent: PaymentIntent,
  method: PaymentMethod,
  authenticated: boolean,
): void {
  if (intent.setup_future_usage === null) return
  const customer = intent.customer ? account.customers.get(intent.customer) : undefined
  if (customer && !method.customer) attachPaymentMethod(account, method, customer)
  if (authenticated)
    account.paymentMethods.change(method, { hidden: { ...method.hidden, authenticatedForLater: true } })
}

/** What `automatic_async` left for later. */
export function bookLater(account: Account, id: string): void {
  const charge = account.charges.must(id)
  account.emit('charge.updated', charge, book(account, charge, account.nowOf(charge.customer)))
}

/** Adds a captured charge to the balance.
 *  @returns what changed of the charge. */
function book(account: Account, charge: Charge, now: number): object {
  const method = account.paymentMethods.get(charge.payment_method)
  const atOnce = method !== undefined && testCard(method.hidden.number).bypassesPending === true
  const transaction = account.balanceTransactions.insert(chargeTransaction(charge, now, atOnce))
  return account.charges.change(charge, { balance_transaction: transaction.id })
}

/** Takes what was only reserved. */
export function capturePayment(account: Account, intent: PaymentIntent, amount: number): void {
  const charge = account.charges.must(intent.latest_charge ?? '')
  const previous = account.charges.change(charge, { captured: true, amount_captured: amount })
  Object.assign(previous, book(account, charge, account.nowOf(intent.customer)))
  account.paymentIntents.change(intent, {
    status: 'succeeded',
    amount_received: amount,
    amount_capturable: 0,
  })
  account.emit('charge.captured', charge, previous)
  followCard(account, charge)
  account.emit('payment_intent.succeeded', intent)
}

export function cancelPaymentIntent(account: Account, intent: PaymentIntent, reason: string | null): void {
  account.paymentIntents.change(intent, {
    status: 'canceled',
    canceled_at: account.nowOf(intent.customer),
    cancellation_reason: reason,
    amount_capturable: 0,
    next_action: null,
  })
  account.emit('payment_intent.canceled', intent)
}
