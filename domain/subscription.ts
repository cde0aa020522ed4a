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
  latestInvoice?: { invoiceId: string; paid: boolean; amountPaid: Money }
}

/** What we have recorded of it so far. */
export interface KnownSubscription {
  status: SubscriptionStatus
  currentPeriodStart: number
  currentPeriodEnd: number
  cancelAtPeriodEnd: boolean
}

export interface SubscriptionDecision {
  status: SubscriptionStatus
  changes: SubscriptionChange[]
  /** Whether anything a reader of the record would see is different, changes of state aside. */
  detailsChanged: boolean
}

/** What a look at Stripe means for the subscription. Pure, so that no order of events can change it.
 *  @param known `undefined` before the first record: nothing exists until Stripe says it runs. */
export function decideSubscription(
  known: KnownSubscription | undefined,
  seen: SubscriptionSnapshot,
): SubscriptionDecision {
  const from = known?.status ?? 'incomplete'
  const change = changeBetween(from, known, seen)
  const status = change ? (nextSubscriptionStatus(from, change) ?? from) : from
  const applied = change !== undefined && nextSubscriptionStatus(from, change) !== undefined
  return {
    status,
    changes: applied ? [change] : [],
    detailsChanged:
      known !== undefined &&
      from !== 'canceled' &&
      (known.currentPeriodEnd !== seen.currentPeriodEnd ||
        known.cancelAtPeriodEnd !== seen.cancelAtPeriodEnd),
  }
}

function changeBetween(
  from: SubscriptionStatus,
  known: KnownSubscription | undefined,
  seen: SubscriptionSnapshot,
): SubscriptionChange | undefined {
  switch (seen.status) {
    case 'incomplete':
      return undefined
    case 'incomplete_expired':
      // Its checkout was declined: it never was a subscription of ours.
      return known ? 'canceled' : undefined
    case 'trialing':
      return from === 'incomplete' ? 'trial_started' : undefined
    case 'active':
      if (from === 'incomplete' || from === 'trialing') return 'activated'
      if (from === 'past_due') return 'recovered'
      if (from === 'paused') return 'resumed'
      // A new period counts once its invoice is paid: Stripe opens the period an hour before it charges.
      return known && seen.currentPeriodStart > known.currentPeriodStart && seen.latestInvoice?.paid
        ? 'renewed'
        : undefined
    case 'past_due':
    case 'unpaid':
      return from === 'active' || from === 'trialing' ? 'payment_failed' : undefined
    case 'paused':
      return from === 'paused' ? undefined : 'paused'
    case 'canceled':
      // Canceled before we first looked: it was sold all the same, and is recorded as what it has become.
      return from === 'canceled' ? undefined : 'canceled'
  }
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** When to look at Stripe next if nobody wakes us: after the renewal should have happened (Stripe finalizes an invoice
 *  about an hour after it opens the period), then daily while the period's end is behind us. */
export function nextSubscriptionLook(times: { currentPeriodEnd: number; now: number }): number {
  const afterRenewal = times.currentPeriodEnd + 2 * HOUR
  return afterRenewal > times.now ? afterRenewal : times.now + DAY
}
