import type { ChargeAttempt } from '../../domain/checkout.ts'
import { currency, money } from '../../domain/money.ts'
import type { InvoiceSnapshot, KnownSubscription, SubscriptionSnapshot } from '../../domain/subscription.ts'

/** What Stripe shows of subscriptions and invoices, where a test names only what it is about. */

export const brl = (amount: number) => money(amount, currency('brl'))

/** The invoice of the checkout, unless it says otherwise. */
export const invoiceSeen = (seen: Partial<InvoiceSnapshot> = {}): InvoiceSnapshot => ({
  invoiceId: 'in_1',
  status: 'paid',
  billingReason: 'subscription_create',
  amountDue: brl(9900),
  amountPaid: brl(seen.status === undefined || seen.status === 'paid' ? 9900 : 0),
  attempted: true,
  ...seen,
})

export const subscriptionSeen = (seen: Partial<SubscriptionSnapshot> = {}): SubscriptionSnapshot => ({
  stripeSubscriptionId: 'sub_1',
  stripeCustomerId: 'cus_1',
  status: 'active',
  currentPeriodStart: 0,
  currentPeriodEnd: 30 * 24 * 3_600_000,
  cancelAtPeriodEnd: false,
  quantity: 1,
  priceId: 'price_pro',
  hasPendingUpdate: false,
  latestInvoice: invoiceSeen(),
  ...seen,
})

/** A charge that the bank refused. */
export const declinedAttempt = (attemptedAt: number, seen: Partial<ChargeAttempt> = {}): ChargeAttempt => ({
  stripeChargeId: `ch_${attemptedAt}`,
  money: brl(9900),
  outcome: 'failed',
  declineCode: 'insufficient_funds',
  attemptedAt,
  ...seen,
})

/** What is known of a subscription to `pro`. */
export const knownAs = (known: Partial<KnownSubscription> = {}): KnownSubscription => ({
  planId: 'pro',
  planVersion: 1,
  quantity: 1,
  revision: 1,
  status: 'active',
  currentPeriodStart: 0,
  currentPeriodEnd: 30 * 24 * 3_600_000,
  cancelAtPeriodEnd: false,
  openCases: 0,
  graceEnded: false,
  ...known,
})
