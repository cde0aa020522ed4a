import {
  type InvoiceSnapshot,
  type KnownSubscription,
  nextSubscriptionStatus,
  type PendingChange,
  type SubscriptionChange,
  type SubscriptionSnapshot,
  type SubscriptionStatus,
} from './subscription.ts'

/** What a look at Stripe says of a subscription that is not recorded yet. */

/** A look at Stripe, with what its price is to us. */
export interface SeenSubscription extends SubscriptionSnapshot {
  /** The plan that is sold at this price; what is known so far where the price is none of ours. */
  plan: { planId: string; planVersion: number }
  /** Whether the grace of an unpaid invoice is over. */
  graceEnded: boolean
}

export interface SubscriptionDecision {
  status: SubscriptionStatus
  /** What has happened to it; `undefined` when only its terms or its invoices have changed. */
  change: SubscriptionChange | undefined
  /** Paid since the last record: its money is to be entered. */
  paidInvoice: InvoiceSnapshot | undefined
  pendingChange: PendingChange | undefined
}

/** One step from what is recorded towards what Stripe shows; `undefined` when nothing is new. Taken again on its own
 *  result until then, so that looks that come late tell the same life as looks in time: a trial that has ended in a
 *  payment is activated, then renewed. Pure, so that no order of events can change it. */
export function decideSubscription(
  known: KnownSubscription,
  seen: SeenSubscription,
): SubscriptionDecision | undefined {
  const { status } = known
  if (status === 'canceled') return undefined
  // Periods only move forward: an older look has come late. What it says of the end is true all the same.
  if (seen.currentPeriodStart < known.currentPeriodStart && seen.status !== 'canceled') return undefined

  const newlyPaid = newlyPaidInvoice(known, seen)
  const change =
    renewalWithPlan(known, seen, newlyPaid) ??
    changeOfPlan(known, seen) ??
    (newlyPaid && changeByPayment(known, newlyPaid)) ??
    changeByStatus(known, statusOf(seen))
  const nextStatus = change ? nextSubscriptionStatus(status, change) : status
  // Not in the table, so it cannot happen to one of ours.
  if (nextStatus === undefined) return undefined

  const paidInvoice =
    newlyPaid && (change === undefined || settlesInvoice(change, newlyPaid)) ? newlyPaid : undefined
  const pendingChange = pendingAfter(known, seen)
  const isNews =
    change !== undefined ||
    paidInvoice !== undefined ||
    pendingChange !== known.pendingChange ||
    termsDiffer(known, seen)
  // Until Stripe lets it run there is nothing to record.
  if (!isNews || nextStatus === 'incomplete') return undefined
  return { status: nextStatus, change, paidInvoice, pendingChange }
}

/** The first invoice is not among these: the checkout that collected its money records it. */
function newlyPaidInvoice(
  known: KnownSubscription,
  { latestInvoice }: SubscriptionSnapshot,
): InvoiceSnapshot | undefined {
  return latestInvoice?.status === 'paid' &&
    latestInvoice.billingReason !== 'subscription_create' &&
    latestInvoice.invoiceId !== known.paidInvoiceId
    ? latestInvoice
    : undefined
}

function termsDiffer(known: KnownSubscription, seen: SeenSubscription): boolean {
  return (
    known.graceEnded !== seen.graceEnded ||
    known.currentPeriodStart !== seen.currentPeriodStart ||
    known.currentPeriodEnd !== seen.currentPeriodEnd ||
    known.cancelAtPeriodEnd !== seen.cancelAtPeriodEnd ||
    known.trialEnd !== seen.trialEnd ||
    known.quantity !== seen.quantity
  )
}

function changeOfPlan(known: KnownSubscription, { plan }: SeenSubscription): 'plan_changed' | undefined {
  const isOther = known.planId !== plan.planId || known.planVersion !== plan.planVersion
  return isOther && known.status !== 'incomplete' ? 'plan_changed' : undefined
}

/** What was planned for the period's end comes with the renewal that it begins: one step, and a renewal first. */
function renewalWithPlan(
  { status, pendingChange }: KnownSubscription,
  { plan }: SeenSubscription,
  newlyPaid: InvoiceSnapshot | undefined,
): 'renewed' | undefined {
  const isPlanned =
    pendingChange?.when === 'period_end' &&
    pendingChange.planId === plan.planId &&
    pendingChange.planVersion === plan.planVersion
  const isRenewal = status === 'active' && newlyPaid?.billingReason === 'subscription_cycle'
  return isPlanned && isRenewal ? 'renewed' : undefined
}

/** A pending change is over when it has taken effect, and when Stripe knows nothing of it any more: it has lapsed, or was
 *  taken back. */
function pendingAfter(known: KnownSubscription, seen: SeenSubscription): PendingChange | undefined {
  const { pendingChange } = known
  if (!pendingChange || changeOfPlan(known, seen)) return undefined
  const isThere = pendingChange.when === 'now' ? seen.hasPendingUpdate : seen.scheduleId !== undefined
  const hasCome =
    pendingChange.planId === known.planId &&
    pendingChange.planVersion === known.planVersion &&
    pendingChange.quantity === seen.quantity
  return isThere && !hasCome ? pendingChange : undefined
}

/** Money leads, wherever Stripe's status has moved on to since: Stripe opens a period an hour before it charges, so a new
 *  period is a renewal only when its invoice has been paid. */
function changeByPayment(
  known: KnownSubscription,
  { billingReason }: InvoiceSnapshot,
): SubscriptionChange | undefined {
  const { status: from } = known
  if (from === 'active') return billingReason === 'subscription_cycle' ? 'renewed' : undefined
  return from === 'past_due' && !owesEarlier(known) ? 'recovered' : undefined
}

const owesEarlier = ({ openCases, leftUnpaid }: KnownSubscription) =>
  openCases > 0 || leftUnpaid !== undefined

/** Stripe marks an invoice as paid first, and its subscription a moment later. */
function statusOf({ status, latestInvoice }: SubscriptionSnapshot): SubscriptionSnapshot['status'] {
  const isBehind = status === 'past_due' || status === 'unpaid'
  const isPaid = latestInvoice?.status === 'paid' && latestInvoice.billingReason !== 'subscription_create'
  return isBehind && isPaid ? 'active' : status
}

function changeByStatus(
  known: KnownSubscription,
  seen: SubscriptionSnapshot['status'],
): SubscriptionChange | undefined {
  const { status: from } = known
  switch (seen) {
    case 'incomplete':
      return undefined
    case 'incomplete_expired':
      // Its checkout was declined: it never was a subscription of ours.
      return from === 'incomplete' ? undefined : 'canceled'
    case 'trialing':
      return from === 'incomplete' ? 'trial_started' : undefined
    case 'active':
      // Stripe's status follows the latest invoice alone: an earlier one may still be unpaid.
      if (owesEarlier(known) && from !== 'incomplete' && from !== 'paused')
        return from === 'past_due' ? undefined : 'payment_failed'
      return towardsActive[from]
    case 'past_due':
    case 'unpaid':
      if (from === 'past_due') return undefined
      // It was sold, or ran again, before it failed to renew.
      return from === 'active' || from === 'trialing' ? 'payment_failed' : towardsActive[from]
    case 'paused':
      // Stripe pauses by itself only a trial that ends without a card.
      if (from === 'incomplete') return 'trial_started'
      return from === 'paused' ? undefined : 'paused'
    case 'canceled':
      // Canceled before we first looked: it was sold all the same, and is recorded as what it has become.
      return 'canceled'
  }
}

const towardsActive = {
  incomplete: 'activated',
  trialing: 'activated',
  active: undefined,
  past_due: 'recovered',
  paused: 'resumed',
  canceled: undefined,
} as const satisfies Record<SubscriptionStatus, SubscriptionChange | undefined>

/** Whether money that is seen with this change belongs to it. Where not, the next step tells it. */
function settlesInvoice(change: SubscriptionChange, { billingReason }: InvoiceSnapshot): boolean {
  if (change === 'plan_changed') return billingReason === 'subscription_update'
  return change === 'renewed' || change === 'recovered' || change === 'canceled'
}
