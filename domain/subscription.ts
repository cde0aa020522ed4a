import type { ChargeAttempt } from './checkout.ts'
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
  | 'plan_changed'
  | 'payment_failed'
  | 'recovered'
  | 'paused'
  | 'resumed'
  | 'canceled'

const transitions: Record<SubscriptionStatus, Partial<Record<SubscriptionChange, SubscriptionStatus>>> = {
  incomplete: { trial_started: 'trialing', activated: 'active', canceled: 'canceled' },
  trialing: {
    activated: 'active',
    plan_changed: 'trialing',
    payment_failed: 'past_due',
    paused: 'paused',
    canceled: 'canceled',
  },
  active: {
    renewed: 'active',
    plan_changed: 'active',
    payment_failed: 'past_due',
    paused: 'paused',
    canceled: 'canceled',
  },
  past_due: { recovered: 'active', plan_changed: 'past_due', paused: 'paused', canceled: 'canceled' },
  paused: { resumed: 'active', plan_changed: 'paused', canceled: 'canceled' },
  canceled: {}, // Final: who comes back does so by a new checkout.
}

/** The status after a change, or `undefined` when this status knows no such change. */
export function nextSubscriptionStatus(
  status: SubscriptionStatus,
  change: SubscriptionChange,
): SubscriptionStatus | undefined {
  return transitions[status][change]
}

/** Access is kept while a failed renewal is being worked through, for as long as its policy grants grace. */
export function hasAccess({
  status,
  graceEnded,
}: {
  status: SubscriptionStatus
  graceEnded: boolean
}): boolean {
  return status === 'trialing' || status === 'active' || (status === 'past_due' && !graceEnded)
}

/** A version of a plan, in a number of units. */
export interface Terms {
  planId: string
  planVersion: number
  quantity: number
}

/** A change of plan that was asked for and does not count yet. */
export interface PendingChange extends Terms {
  /** `now` waits for the customer to authenticate its payment, `period_end` for the period to end. */
  when: 'now' | 'period_end'
  /** When it takes effect, or, while it waits to be paid, when it lapses. Milliseconds since 1970. */
  at: number
  /** Where the customer authenticates the payment. */
  payUrl?: string
  /** Who asked for it, and why, where they said so. */
  by?: string
  reason?: string
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
  priceId: string
  /** A change that waits for its payment. */
  hasPendingUpdate: boolean
  /** What Stripe will do at the period's end. */
  scheduleId?: string
  latestInvoice?: InvoiceSnapshot
}

export interface InvoiceSnapshot {
  invoiceId: string
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void'
  /** Why Stripe made it: `subscription_cycle` for a new period. */
  billingReason: string
  /** The payment behind it, where one was tried. */
  stripePaymentIntentId?: string
  amountDue: Money
  amountPaid: Money
  /** What of it is tax, in minor units. */
  tax?: number
  /** Whether a charge has been tried. */
  attempted: boolean
  /** When Stripe itself means to try again, as long as nobody has taken the invoice over. */
  nextAttemptAt?: number
  /** Where the customer can pay it by hand. */
  payUrl?: string
  finalizedAt?: number
  paidAt?: number
  /** The time it is for, where it is for a period. */
  period?: { start: number; end: number }
  /** Each try to charge, oldest first. Told only while it is unpaid and has been tried. */
  attempts?: ChargeAttempt[]
  /** Whether it could not be tried for want of a card. */
  lacksCard?: boolean
}

/** Whether an invoice from before the end was paid after it, when nothing was owed any more. What Stripe charges for the end
 *  itself is not among these. */
export function isPaidAfterEnd(
  { finalizedAt, paidAt, status }: InvoiceSnapshot,
  endedAt: number | undefined,
): boolean {
  if (status !== 'paid' || endedAt === undefined || finalizedAt === undefined || paidAt === undefined)
    return false
  return finalizedAt < endedAt && endedAt < paidAt
}

/** What we have recorded of it so far. */
export interface KnownSubscription extends Terms {
  /** Counts the changes that have been written; 0 before the first. */
  revision: number
  status: SubscriptionStatus
  currentPeriodStart: number
  currentPeriodEnd: number
  cancelAtPeriodEnd: boolean
  trialEnd?: number
  pausedUntil?: number
  pendingChange?: PendingChange
  /** Unpaid invoices that are being worked through. */
  openCases: number
  /** Unpaid invoices that nobody works through any more, because their policy leaves the subscription past due; absent when
   *  there are none. As long as there are, later payments give no access back. */
  leftUnpaid?: string[]
  graceEnded: boolean
  /** The last invoice of a later period whose payment has been recorded. */
  paidInvoiceId?: string
}

/** Before the first record: sold, and not seen to run yet. */
export function soldSubscription(terms: Terms): KnownSubscription {
  return {
    ...terms,
    revision: 0,
    status: 'incomplete',
    currentPeriodStart: 0,
    currentPeriodEnd: 0,
    cancelAtPeriodEnd: false,
    openCases: 0,
    graceEnded: false,
  }
}

/** The invoice that Stripe could not collect, if the subscription is behind. The first invoice is the checkout's. */
export function failedInvoiceOf({
  status,
  latestInvoice,
}: SubscriptionSnapshot): InvoiceSnapshot | undefined {
  return (status === 'past_due' || status === 'unpaid') &&
    latestInvoice?.status === 'open' &&
    latestInvoice.attempted &&
    latestInvoice.billingReason !== 'subscription_create'
    ? latestInvoice
    : undefined
}

/** When an invoice first could not be collected. What needs the customer's bank leaves no failed charge. */
export function firstFailureOf({ attempts = [], finalizedAt }: InvoiceSnapshot): number | undefined {
  return attempts.find(({ outcome }) => outcome === 'failed')?.attemptedAt ?? finalizedAt
}

/** Whether a renewal should have begun that has not been recorded yet. */
export function hasPeriodEnded(
  { currentPeriodEnd }: Pick<KnownSubscription, 'currentPeriodEnd'>,
  now: number,
): boolean {
  return currentPeriodEnd <= now
}

/** Whether an invoice waits to be charged or paid. */
export function owesMoney({ latestInvoice }: SubscriptionSnapshot): boolean {
  return latestInvoice?.status === 'draft' || latestInvoice?.status === 'open'
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
const PAUSED_LOOK_MS = 30 * DAY

/** How long before the end of a trial the customer is told. */
export const TRIAL_NOTICE_MS = 3 * DAY

/** When the customer is told that the trial ends; a shorter trial is told of at once. */
export function trialNoticeAt({ status, trialEnd }: KnownSubscription): number | undefined {
  return status === 'trialing' && trialEnd !== undefined ? trialEnd - TRIAL_NOTICE_MS : undefined
}

/** When to look at Stripe next if nobody wakes us: when the renewal should be paid (Stripe finalizes an invoice about an hour
 *  after it opens the period), then daily while the period's end is behind us or an invoice waits. Nothing is due while it is
 *  paused, so that is only looked after. */
export function nextSubscriptionLook(times: {
  status?: SubscriptionStatus
  currentPeriodEnd: number
  cancelAtPeriodEnd?: boolean
  owes: boolean
  now: number
  /** How long Stripe may take beyond the hour. A test clock does at once what is due. */
  slack?: number
}): number {
  const { status, currentPeriodEnd, cancelAtPeriodEnd = false, owes, now, slack = HOUR } = times
  if (status === 'paused') return now + PAUSED_LOOK_MS
  const afterRenewal = currentPeriodEnd + (cancelAtPeriodEnd ? 0 : HOUR) + slack
  const tomorrow = now + DAY
  if (afterRenewal <= now) return tomorrow
  return owes ? Math.min(afterRenewal, tomorrow) : afterRenewal
}
