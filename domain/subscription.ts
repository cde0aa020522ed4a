import type { Money } from './money.ts'

/** A subscription: its states, what Stripe can tell about it, and what follows from that. */

export const subscriptionStatuses = [
  'incomplete',
  'trialing',
  'active',
  'past_due',
  'paused',
  'canceled',
] as const
export type SubscriptionStatus = (typeof subscriptionStatuses)[number]

export type SubscriptionChange =
  | 'trial_started'
  | 'activated'
  | 'renewed'
  | 'payment_failed'
  | 'recovered'
  | 'paused'
  | 'resumed'
  | 'canceled'

const transitions: Record<SubscriptionStatus, Partial<Record<SubscriptionChange, SubscriptionStatus>>> = {
  incomplete: { trial_started: 'trialing', activated: 'active', canceled: 'canceled' },
  trialing: { activated: 'active', payment_failed: 'past_due', paused: 'paused', canceled: 'canceled' },
  active: { renewed: 'active', payment_failed: 'past_due', paused: 'paused', canceled: 'canceled' },
  past_due: { recovered: 'active', paused: 'paused', canceled: 'canceled' },
  paused: { resumed: 'active', canceled: 'canceled' },
  canceled: {}, // Final: who comes back does so by a new checkout.
}

/** The status after a change, or `undefined` when this status knows no such change. */
export function nextSubscriptionStatus(
  status: SubscriptionStatus,
  change: SubscriptionChange,
): SubscriptionStatus | undefined {
  return transitions[status][change]
}

/** Access is kept while a failed renewal is being worked through; only the end of it takes roles away. */
export function hasAccess(status: SubscriptionStatus): boolean {
  return status === 'trialing' || status === 'active' || status === 'past_due'
}

/** What Stripe says of a subscription. Times in milliseconds since 1970. Holds no personal data. */
export interface SubscriptionSnapshot {
  stripeSubscriptionId: string
  stripeCustomerId: string
  status:
    | 'incomplete'
    | 'incomplete_expired'
    | 'trialing'
    | 'active'
    | 'past_due'
    | 'canceled'
    | 'unpaid'
    | 'paused'
  currentPeriodStart: number
  currentPeriodEnd: number
  cancelAtPeriodEnd: boolean
  trialEnd?: number
  endedAt?: number
  quantity: number
  latestInvoice?: InvoiceSnapshot
}

export interface InvoiceSnapshot {
  invoiceId: string
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void'
  /** Why Stripe made it: `subscription_cycle` for a new period. */
  billingReason: string
  amountPaid: Money
}

/** What we have recorded of it so far. */
export interface KnownSubscription {
  status: SubscriptionStatus
  currentPeriodStart: number
  currentPeriodEnd: number
  cancelAtPeriodEnd: boolean
  trialEnd?: number
  quantity: number
  /** The last invoice of a later period whose payment has been recorded. */
  paidInvoiceId?: string
}

/** Before the first record: sold, and not seen to run yet. */
export const soldSubscription: KnownSubscription = {
  status: 'incomplete',
  currentPeriodStart: 0,
  currentPeriodEnd: 0,
  cancelAtPeriodEnd: false,
  quantity: 0,
}

export interface SubscriptionDecision {
  status: SubscriptionStatus
  /** What has happened to it; `undefined` when only its terms or its invoices have changed. */
  change: SubscriptionChange | undefined
  /** Paid since the last record: its money is to be entered. */
  paidInvoice: InvoiceSnapshot | undefined
}

/** One step from what is recorded towards what Stripe shows; `undefined` when nothing is new. Taken again on its own
 *  result until then, so that looks that come late tell the same life as looks in time: a trial that has ended in a
 *  payment is activated, then renewed. Pure, so that no order of events can change it. */
export function decideSubscription(
  known: KnownSubscription,
  seen: SubscriptionSnapshot,
): SubscriptionDecision | undefined {
  const { status } = known
  if (status === 'canceled') return undefined
  // Periods only move forward: an older look has come late. What it says of the end is true all the same.
  if (seen.currentPeriodStart < known.currentPeriodStart && seen.status !== 'canceled') return undefined

  const newlyPaid = newlyPaidInvoice(known, seen)
  const change = (newlyPaid && changeByPayment(status, seen)) ?? changeByStatus(status, seen.status)
  const nextStatus = change ? nextSubscriptionStatus(status, change) : status
  // Not in the table, so it cannot happen to one of ours.
  if (nextStatus === undefined) return undefined

  const paidInvoice = change === undefined || settlesInvoice(change) ? newlyPaid : undefined
  const isNews = change !== undefined || paidInvoice !== undefined || termsDiffer(known, seen)
  // Until Stripe lets it run there is nothing to record.
  if (!isNews || nextStatus === 'incomplete') return undefined
  return { status: nextStatus, change, paidInvoice }
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

function termsDiffer(known: KnownSubscription, seen: SubscriptionSnapshot): boolean {
  return (
    known.currentPeriodStart !== seen.currentPeriodStart ||
    known.currentPeriodEnd !== seen.currentPeriodEnd ||
    known.cancelAtPeriodEnd !== seen.cancelAtPeriodEnd ||
    known.trialEnd !== seen.trialEnd ||
    known.quantity !== seen.quantity
  )
}

/** Money leads, wherever Stripe's status has moved on to since: Stripe opens a period an hour before it charges, so a new
 *  period is a renewal only when its invoice has been paid. */
function changeByPayment(
  from: SubscriptionStatus,
  { status, latestInvoice }: SubscriptionSnapshot,
): SubscriptionChange | undefined {
  if (from === 'active') return latestInvoice?.billingReason === 'subscription_cycle' ? 'renewed' : undefined
  return from === 'past_due' && status !== 'past_due' && status !== 'unpaid' ? 'recovered' : undefined
}

function changeByStatus(
  from: SubscriptionStatus,
  seen: SubscriptionSnapshot['status'],
): SubscriptionChange | undefined {
  switch (seen) {
    case 'incomplete':
      return undefined
    case 'incomplete_expired':
      // Its checkout was declined: it never was a subscription of ours.
      return from === 'incomplete' ? undefined : 'canceled'
    case 'trialing':
      return from === 'incomplete' ? 'trial_started' : undefined
    case 'active':
      return from === 'active' ? undefined : towardsActive[from]
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
  past_due: 'recovered',
  paused: 'resumed',
  canceled: undefined,
} as const satisfies Record<Exclude<SubscriptionStatus, 'active'>, SubscriptionChange | undefined>

/** Whether money that is seen with this change belongs to it. Where not, the next step tells it. */
function settlesInvoice(change: SubscriptionChange): boolean {
  return change === 'renewed' || change === 'recovered' || change === 'canceled'
}

/** Whether an invoice waits to be charged or paid. */
export function owesMoney({ latestInvoice }: SubscriptionSnapshot): boolean {
  return latestInvoice?.status === 'draft' || latestInvoice?.status === 'open'
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** When to look at Stripe next if nobody wakes us: after the renewal should have happened (Stripe finalizes an invoice
 *  about an hour after it opens the period), then daily while the period's end is behind us or an invoice waits. */
export function nextSubscriptionLook(times: {
  currentPeriodEnd: number
  owes: boolean
  now: number
}): number {
  const { currentPeriodEnd, owes, now } = times
  const afterRenewal = currentPeriodEnd + 2 * HOUR
  const tomorrow = now + DAY
  if (afterRenewal <= now) return tomorrow
  return owes ? Math.min(afterRenewal, tomorrow) : afterRenewal
}
