import { currency, money } from '../../domain/money.ts'
import {
  decideSubscription,
  type InvoiceSnapshot,
  type KnownSubscription,
  soldSubscription,
  type SubscriptionDecision,
  type SubscriptionSnapshot,
} from '../../domain/subscription.ts'

/** Lives of a subscription, as looks at Stripe show them. */

export const MONTH = 30 * 24 * 3_600_000

export const invoice = (seen: Partial<InvoiceSnapshot> = {}): InvoiceSnapshot => ({
  invoiceId: 'in_1',
  status: 'paid',
  billingReason: 'subscription_create',
  amountPaid: money(9900, currency('brl')),
  ...seen,
})
/** The invoice of the nth period. */
export const cycle = (period: number, status: InvoiceSnapshot['status']) =>
  invoice({ invoiceId: `in_${period}`, status, billingReason: 'subscription_cycle' })

export const seenIn = (period: number, seen: Partial<SubscriptionSnapshot> = {}): SubscriptionSnapshot => ({
  stripeSubscriptionId: 'sub_1',
  stripeCustomerId: 'cus_1',
  status: 'active',
  currentPeriodStart: period * MONTH,
  currentPeriodEnd: (period + 1) * MONTH,
  cancelAtPeriodEnd: false,
  quantity: 1,
  latestInvoice: invoice(),
  ...seen,
})

const recordedAs = (
  known: KnownSubscription,
  seen: SubscriptionSnapshot,
  { status, paidInvoice }: SubscriptionDecision,
): KnownSubscription => {
  const paidInvoiceId = paidInvoice?.invoiceId ?? known.paidInvoiceId
  return {
    status,
    currentPeriodStart: seen.currentPeriodStart,
    currentPeriodEnd: seen.currentPeriodEnd,
    cancelAtPeriodEnd: seen.cancelAtPeriodEnd,
    quantity: seen.quantity,
    ...(seen.trialEnd !== undefined && { trialEnd: seen.trialEnd }),
    ...(paidInvoiceId !== undefined && { paidInvoiceId }),
  }
}

/** A look, as the recording does it: decisions are taken and recorded until nothing is new. */
export function look(
  known: KnownSubscription,
  seen: SubscriptionSnapshot,
  told: SubscriptionDecision[] = [],
) {
  const decision = decideSubscription(known, seen)
  if (!decision || told.length > 20) return { known, told }
  return look(recordedAs(known, seen, decision), seen, [...told, decision])
}

/** What looks at these moments tell, in words: changes, and the invoices whose money is entered. */
export function live(...moments: SubscriptionSnapshot[]) {
  let known = soldSubscription
  const story: string[] = []
  for (const seen of moments) {
    const looked = look(known, seen)
    known = looked.known
    for (const { change, paidInvoice } of looked.told)
      story.push([change ?? 'updated', paidInvoice?.invoiceId].filter(Boolean).join(' '))
  }
  return { status: known.status, story }
}
