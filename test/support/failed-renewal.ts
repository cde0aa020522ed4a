import type { InvoiceSnapshot, SubscriptionSnapshot } from '../../domain/subscription.ts'
import { declinedAttempt } from './snapshots.ts'

/** What Stripe shows at the six moments of a renewal that fails, is tried again, and is paid in the end. */
export function failedRenewal(
  renewed: SubscriptionSnapshot,
  invoice: InvoiceSnapshot,
): [SubscriptionSnapshot, ...SubscriptionSnapshot[]] {
  const { amountDue, invoiceId } = invoice
  const failedAt = renewed.currentPeriodStart + 3_600_000
  const unpaid: InvoiceSnapshot = {
    ...invoice,
    status: 'open',
    amountPaid: { ...amountDue, amountMinor: 0 },
    finalizedAt: failedAt,
  }
  const attempts = [failedAt, failedAt + 3 * 24 * 3_600_000].map((at, index) =>
    declinedAttempt(at, { stripeChargeId: `ch_${invoiceId}_${index + 1}` }),
  )
  const show = (
    status: SubscriptionSnapshot['status'],
    latestInvoice: InvoiceSnapshot,
  ): SubscriptionSnapshot => ({ ...renewed, status, latestInvoice })
  return [
    show('active', { ...unpaid, status: 'draft', attempted: false }),
    show('active', { ...unpaid, attempted: false }),
    show('past_due', { ...unpaid, attempts: attempts.slice(0, 1) }),
    show('past_due', { ...unpaid, attempts }),
    // Stripe marks the invoice first, and the subscription a moment later.
    show('past_due', { ...invoice, status: 'paid', paidAt: failedAt + 4 * 24 * 3_600_000 }),
    show('active', { ...invoice, status: 'paid', paidAt: failedAt + 4 * 24 * 3_600_000 }),
  ]
}

/** The moments of a failed renewal, counted from 0, at which the failure can be seen. */
export const showsFailure = (moment: number): boolean => moment === 2 || moment === 3

/** Each order in which things can come. */
export function ordersOf<Item>(items: Item[]): Item[][] {
  if (items.length <= 1) return [items]
  return items.flatMap((first, index) =>
    ordersOf(items.filter((_, other) => other !== index)).map((rest) => [first, ...rest]),
  )
}
