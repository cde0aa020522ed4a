import type { Money } from './money.ts'

/** A payment through checkout: its states, what Stripe can tell about it, and what follows from that. */

export const paymentStatuses = [
  'pending',
  'succeeded',
  'failed',
  'expired',
  'refunded',
  'partially_refunded',
  'held',
] as const
export type PaymentStatus = (typeof paymentStatuses)[number]
export type CheckoutOutcome = 'payment_succeeded' | 'payment_failed' | 'session_expired'

const transitions: Record<PaymentStatus, Partial<Record<CheckoutOutcome, PaymentStatus>>> = {
  pending: { payment_succeeded: 'succeeded', payment_failed: 'failed', session_expired: 'expired' },
  failed: { payment_succeeded: 'succeeded' }, // Late money is still recorded.
  expired: { payment_succeeded: 'succeeded' },
  succeeded: {},
  refunded: {},
  partially_refunded: {},
  held: {},
}

/** The status after an outcome; the same status when the outcome changes nothing. */
export function nextPaymentStatus(status: PaymentStatus, outcome: CheckoutOutcome): PaymentStatus {
  return transitions[status][outcome] ?? status
}

/** Whether news from Stripe can still change this payment; the others only remember it. */
export function mayStillChange(status: PaymentStatus): boolean {
  return Object.keys(transitions[status]).length > 0
}

/** One try to charge a card, as Stripe recorded it. */
export interface ChargeAttempt {
  stripeChargeId: string
  money: Money
  outcome: 'succeeded' | 'failed' | 'pending'
  /** Stripe's decline code, or its error code where there is no finer one. */
  declineCode?: string
  /** What Stripe advises: try_again_later, do_not_try_again, confirm_card_data. */
  adviceCode?: string
  paymentMethodId?: string
  /** Milliseconds since 1970, by Stripe's clock. */
  attemptedAt: number
}

/** What Stripe says of a checkout session and of the money behind it. Holds no personal data: it is kept in histories. */
export interface CheckoutSnapshot {
  session: 'open' | 'complete' | 'expired'
  payment: 'paid' | 'unpaid' | 'no_payment_required'
  /** For methods that settle days later: whether the money is on its way or has failed. */
  settlement: 'none' | 'processing' | 'failed'
  /** What was collected in the end: after promotion codes, trials, taxes and what a balance at Stripe has covered. */
  total: Money
  /** What of it is tax, in minor units. */
  tax?: number
  attempts: ChargeAttempt[]
  stripeCustomerId?: string
  stripePaymentIntentId?: string
  stripeSubscriptionId?: string
  stripeInvoiceId?: string
}

/** What a look at Stripe means for the payment; `undefined` while the customer may still pay. */
export function outcomeOf(snapshot: CheckoutSnapshot): CheckoutOutcome | undefined {
  switch (snapshot.session) {
    case 'open':
      return undefined
    case 'expired':
      // An abandoned page and one whose every card was declined end differently for whoever follows up.
      return snapshot.attempts.some((attempt) => attempt.outcome === 'failed')
        ? 'payment_failed'
        : 'session_expired'
    case 'complete':
      if (snapshot.payment !== 'unpaid') return 'payment_succeeded'
      return snapshot.settlement === 'failed' ? 'payment_failed' : undefined
  }
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Looks at Stripe without having been woken, counted from the opening of the session: soon, because someone who
 *  paid may be waiting for a webhook that was lost, then ever more rarely. */
const looksAfterOpening = [2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR]
/** Stripe's own expiry comes within seconds of the time it told. */
const EXPIRY_SLACK = MINUTE
/** Bank transfers and vouchers settle within this time, or a person must look. */
const SETTLEMENT_LIMIT = 30 * DAY

/** When to look at Stripe next if nobody wakes us. Times in milliseconds since 1970.
 *  @returns `undefined` when waiting any longer has become strange and needs a person. */
export function nextLook(times: { openedAt: number; expiresAt: number; now: number }): number | undefined {
  const { openedAt, expiresAt, now } = times
  const afterExpiry = expiresAt + EXPIRY_SLACK
  const planned = [
    ...looksAfterOpening.map((wait) => openedAt + wait).filter((at) => at < afterExpiry),
    afterExpiry,
  ]
  const next = planned.find((at) => at > now)
  if (next !== undefined) return next
  // The session has ended; only money that settles slowly is still waited for, a look a day.
  return now < afterExpiry + SETTLEMENT_LIMIT ? now + DAY : undefined
}
