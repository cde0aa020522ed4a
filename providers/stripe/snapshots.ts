import type { Stripe } from 'stripe'
import type { ChargeAttempt, CheckoutSnapshot } from '../../domain/checkout.ts'
import { BillingError } from '../../domain/errors.ts'
import { currency, money } from '../../domain/money.ts'
import type { PaidInvoice } from '../../domain/refunds.ts'
import type { InvoiceSnapshot, SubscriptionSnapshot } from '../../domain/subscription.ts'

/** Stripe's objects as the domain sees them. Nothing personal passes. */

export function toCheckoutSnapshot(
  session: Stripe.Checkout.Session,
  paymentIntent: Stripe.PaymentIntent | undefined,
  charges: Stripe.Charge[],
): CheckoutSnapshot {
  if (session.status === null || session.currency === null || session.amount_total === null)
    throw new BillingError('provider_refused', {
      detail: `Checkout session ${session.id} has no status or total.`,
    })
  const stripeCustomerId = idOf(session.customer)
  const stripeSubscriptionId = idOf(session.subscription)
  const stripeInvoiceId = idOf(session.invoice)
  // The session tells what was sold. What the customer's balance at Stripe has covered of it is known to the invoice alone.
  const invoice =
    session.payment_status !== 'unpaid' && typeof session.invoice === 'object' ? session.invoice : null
  return {
    session: oneOf(['open', 'complete', 'expired'], session.status),
    payment: oneOf(['paid', 'unpaid', 'no_payment_required'], session.payment_status),
    settlement: settlementOf(paymentIntent),
    total: money(invoice?.amount_paid ?? session.amount_total, currency(session.currency)),
    tax: invoice ? taxOf(invoice) : (session.total_details?.amount_tax ?? 0),
    // Stripe lists the newest first and tells whole seconds: reversed, the tries of one second keep their order.
    attempts: charges
      .toReversed()
      .map(toChargeAttempt)
      .toSorted((a, b) => a.attemptedAt - b.attemptedAt),
    ...(stripeCustomerId && { stripeCustomerId }),
    ...(paymentIntent && { stripePaymentIntentId: paymentIntent.id }),
    ...(stripeSubscriptionId && { stripeSubscriptionId }),
    ...(stripeInvoiceId && { stripeInvoiceId }),
  }
}

/** A session can be complete before slow money (a bank transfer, a voucher) has come. */
function settlementOf(paymentIntent: Stripe.PaymentIntent | undefined): CheckoutSnapshot['settlement'] {
  const status = paymentIntent?.status
  if (status === 'processing') return 'processing'
  return status === 'requires_payment_method' || status === 'canceled' ? 'failed' : 'none'
}

export function toChargeAttempt(charge: Stripe.Charge): ChargeAttempt {
  const declineCode = charge.outcome?.reason ?? charge.failure_code ?? undefined
  const adviceCode = charge.outcome?.advice_code ?? undefined
  const paymentMethodId = charge.payment_method ?? undefined
  return {
    stripeChargeId: charge.id,
    money: money(charge.amount, currency(charge.currency)),
    outcome: oneOf(['succeeded', 'failed', 'pending'], charge.status),
    ...(charge.status === 'failed' && declineCode && { declineCode }),
    ...(charge.status === 'failed' && adviceCode && { adviceCode }),
    ...(paymentMethodId && { paymentMethodId }),
    attemptedAt: charge.created * 1000,
  }
}

export function toSubscriptionSnapshot(
  subscription: Stripe.Subscription,
  latestInvoice: InvoiceSnapshot | undefined,
): SubscriptionSnapshot {
  // Periods live on the items; ours have one, and all items of a subscription renew together in our use.
  const [item] = subscription.items.data
  if (!item)
    throw new BillingError('provider_refused', { detail: `Subscription ${subscription.id} has no item.` })
  const scheduleId = idOf(subscription.schedule)
  return {
    stripeSubscriptionId: subscription.id,
    stripeCustomerId: idOf(subscription.customer) ?? '',
    status: oneOf(subscriptionStatuses, subscription.status),
    currentPeriodStart: item.current_period_start * 1000,
    currentPeriodEnd: item.current_period_end * 1000,
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    ...(subscription.trial_end !== null && { trialEnd: subscription.trial_end * 1000 }),
    ...(subscription.ended_at !== null && { endedAt: subscription.ended_at * 1000 }),
    quantity: item.quantity ?? 1,
    priceId: item.price.id,
    hasPendingUpdate: subscription.pending_update !== null,
    ...(scheduleId && { scheduleId }),
    ...(latestInvoice && { latestInvoice }),
  }
}

export function toInvoiceSnapshot(invoice: Stripe.Invoice): InvoiceSnapshot {
  const code = currency(invoice.currency)
  const { finalized_at: finalizedAt, paid_at: paidAt } = invoice.status_transitions
  const stripePaymentIntentId = idOf(invoice.payments?.data[0]?.payment.payment_intent)
  return {
    invoiceId: invoice.id ?? '',
    status: oneOf(invoiceStatuses, invoice.status ?? 'draft'),
    billingReason: invoice.billing_reason ?? 'manual',
    ...(stripePaymentIntentId && { stripePaymentIntentId }),
    amountDue: money(invoice.amount_due, code),
    amountPaid: money(invoice.amount_paid, code),
    tax: taxOf(invoice),
    attempted: invoice.attempted,
    ...(invoice.next_payment_attempt !== null && { nextAttemptAt: invoice.next_payment_attempt * 1000 }),
    ...(invoice.hosted_invoice_url && { payUrl: invoice.hosted_invoice_url }),
    ...(finalizedAt !== null && { finalizedAt: finalizedAt * 1000 }),
    ...(paidAt !== null && { paidAt: paidAt * 1000 }),
    ...periodOf(invoice),
  }
}

/** Of what it charges, the time that ends last: what is left of an earlier one ends before. */
function periodOf({ lines }: Stripe.Invoice): Pick<InvoiceSnapshot, 'period'> {
  const last = lines.data.map(({ period }) => period).toSorted((a, b) => b.end - a.end)[0]
  return last ? { period: { start: last.start * 1000, end: last.end * 1000 } } : {}
}

/** What of the money that an invoice has collected is tax. Where the customer's balance at Stripe has paid a part of it, that
 *  part was taxed when it came in. */
export function taxOf({ total, amount_paid: paid, total_taxes: taxes }: Stripe.Invoice): number {
  const tax = (taxes ?? []).reduce((sum, { amount }) => sum + amount, 0)
  return total > 0 ? Math.round((tax * Math.min(paid, total)) / total) : 0
}

/** What was collected for each line. Where the customer's balance at Stripe has paid a part of the invoice, that part was
 *  collected when it came in, or never. */
export function toPaidInvoice(
  { id, total, amount_paid: paid, currency: code }: Stripe.Invoice,
  lines: Stripe.InvoiceLineItem[],
): PaidInvoice {
  const collected = (amount: number) =>
    total > 0 ? Number((BigInt(amount) * BigInt(Math.min(paid, total))) / BigInt(total)) : amount
  return {
    invoiceId: id ?? '',
    lines: lines.map(({ amount, discount_amounts: discounts, taxes, period }) => ({
      amount: money(
        collected(amount - sumOf(discounts ?? []) + sumOf((taxes ?? []).filter(isOnTop))),
        currency(code),
      ),
      period: { start: period.start * 1000, end: period.end * 1000 },
    })),
  }
}

const isOnTop = ({ tax_behavior: behavior }: { tax_behavior: string }) => behavior === 'exclusive'
const sumOf = (parts: { amount: number }[]) => parts.reduce((sum, { amount }) => sum + amount, 0)

const subscriptionStatuses: SubscriptionSnapshot['status'][] = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'canceled',
  'unpaid',
  'paused',
]

const invoiceStatuses: InvoiceSnapshot['status'][] = ['draft', 'open', 'paid', 'uncollectible', 'void']

/** Stripe adds values within a version. One that we do not know must not be taken for another: a person looks. */
export function oneOf<Value extends string>(known: readonly Value[], value: string): Value {
  const found = known.find((candidate) => candidate === value)
  if (found === undefined)
    throw new BillingError('provider_refused', { detail: `Stripe answered with an unknown value: ${value}.` })
  return found
}

/** The id of what may have been expanded. */
export function idOf(reference: string | { id: string } | null | undefined): string | undefined {
  return typeof reference === 'string' ? reference : reference?.id
}
