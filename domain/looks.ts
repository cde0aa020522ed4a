import { failedInvoiceOf, type InvoiceSnapshot, type SubscriptionSnapshot } from './subscription.ts'

/** What one look at Stripe has to tell of more than one moment. */

/** The look as it would have been in each period that went by unseen, and then as it is. */
export function periodByPeriod(
  snapshot: SubscriptionSnapshot,
  invoices: InvoiceSnapshot[],
): SubscriptionSnapshot[] {
  const missed = invoices.filter(
    ({ billingReason, status, period, invoiceId }) =>
      billingReason === 'subscription_cycle' &&
      status === 'paid' &&
      invoiceId !== snapshot.latestInvoice?.invoiceId &&
      period !== undefined &&
      period.start < snapshot.currentPeriodStart,
  )
  const { endedAt: _ended, ...running } = snapshot
  return [
    ...missed.map((invoice) => ({
      ...running,
      status: 'active' as const,
      currentPeriodStart: invoice.period?.start ?? snapshot.currentPeriodStart,
      currentPeriodEnd: invoice.period?.end ?? snapshot.currentPeriodEnd,
      latestInvoice: invoice,
    })),
    snapshot,
  ]
}

/** Invoices that Stripe could not collect: the latest one, and those of periods that nobody has looked at. */
export function failedInvoices(
  snapshot: SubscriptionSnapshot,
  invoices: InvoiceSnapshot[],
): InvoiceSnapshot[] {
  if (snapshot.status === 'canceled') return []
  const latest = failedInvoiceOf(snapshot)
  const earlier = invoices.filter(
    ({ billingReason, status, attempted, invoiceId }) =>
      billingReason === 'subscription_cycle' &&
      status === 'open' &&
      attempted &&
      invoiceId !== snapshot.latestInvoice?.invoiceId,
  )
  return [...earlier, ...(latest ? [latest] : [])]
}
