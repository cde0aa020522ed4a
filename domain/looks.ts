import {
  failedInvoiceOf,
  type InvoiceSnapshot,
  type KnownSubscription,
  type SubscriptionSnapshot,
} from './subscription.ts'

/** What one look at Stripe has to tell of more than one moment. */

/** What has been recorded of it before this look. */
export type RecordedBefore = Pick<KnownSubscription, 'status' | 'currentPeriodStart' | 'currentPeriodEnd'>

/** Invoices beside the latest one that have brought money. The checkout's own is not among them: it records it. */
export function paidBesideLatest(
  { latestInvoice }: SubscriptionSnapshot,
  invoices: InvoiceSnapshot[],
): InvoiceSnapshot[] {
  return invoices.filter(
    ({ billingReason, status, invoiceId }) =>
      billingReason !== 'subscription_create' && status === 'paid' && invoiceId !== latestInvoice?.invoiceId,
  )
}

/** The look as it would have been when each of these was paid unseen, and then as it is. */
export function paymentByPayment(
  snapshot: SubscriptionSnapshot,
  unseen: InvoiceSnapshot[],
  recorded: RecordedBefore | undefined,
): SubscriptionSnapshot[] {
  const { endedAt: _ended, ...running } = snapshot
  const missed = unseen
    .toSorted((one, other) => (one.period?.start ?? 0) - (other.period?.start ?? 0))
    .flatMap((latestInvoice) => {
      const then = periodBegunBy(latestInvoice, { snapshot, recorded }) ?? recorded
      if (!then) return []
      const { status, currentPeriodStart, currentPeriodEnd } = then
      return [{ ...running, status, currentPeriodStart, currentPeriodEnd, latestInvoice }]
    })
  return [...missed, snapshot]
}

/** The period that an invoice is for, where it is one that nobody has looked at. Any other says nothing of periods. */
function periodBegunBy(
  { billingReason, period }: InvoiceSnapshot,
  { snapshot, recorded }: { snapshot: SubscriptionSnapshot; recorded: RecordedBefore | undefined },
) {
  const isUnseen =
    billingReason === 'subscription_cycle' &&
    period !== undefined &&
    period.start <= snapshot.currentPeriodStart &&
    (recorded === undefined || period.start > recorded.currentPeriodStart)
  return isUnseen
    ? { status: 'active' as const, currentPeriodStart: period.start, currentPeriodEnd: period.end }
    : undefined
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
