import type { Transfer } from './ledger.ts'
import type { Money } from './money.ts'

/** A customer's bank wants a payment back: what Stripe tells of it, and what follows from that. */

/** Stripe's: https://docs.stripe.com/api/disputes/object#dispute_object-status. A warning is an inquiry: nothing has been taken. */
export const disputeStatuses = [
  'warning_needs_response',
  'warning_under_review',
  'warning_closed',
  'needs_response',
  'under_review',
  'won',
  'lost',
  'prevented',
] as const
export type DisputeStatus = (typeof disputeStatuses)[number]

export interface DisputeSnapshot {
  stripeDisputeId: string
  stripeChargeId: string
  status: DisputeStatus
  /** Stripe's word for what the customer says. */
  reason: string
  amount: Money
  /** Times in milliseconds since 1970. */
  openedAt: number
  evidenceDueAt?: number
  /** Whether the money is with the bank now, as the balance transactions say. */
  isWithdrawn: boolean
}

const closed: ReadonlySet<DisputeStatus> = new Set(['won', 'lost', 'warning_closed', 'prevented'])
const awaiting: ReadonlySet<DisputeStatus> = new Set(['needs_response', 'warning_needs_response'])

export const isClosed = (status: DisputeStatus): boolean => closed.has(status)
/** Whether evidence can still be handed in, and is not. */
export const needsResponse = (status: DisputeStatus): boolean => awaiting.has(status)
/** Whether it is more than a question: the customer's bank has, or had, the money. */
export const isInquiry = (status: DisputeStatus): boolean => status.startsWith('warning_')

export function withdrawnTransfers(amount: Money): Transfer[] {
  return [{ debit: 'disputes', credit: 'stripe_balance', amount }]
}

export function reinstatedTransfers(amount: Money): Transfer[] {
  return [{ debit: 'stripe_balance', credit: 'disputes', amount }]
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** How long before evidence is due somebody is reminded; the last one cannot be overlooked. */
const REMINDERS = [3 * DAY, DAY, 6 * HOUR]

/** When somebody is to be reminded next that evidence is due, and of how many reminders it is which. Milliseconds since 1970. */
export function nextReminder(
  evidenceDueAt: number,
  now: number,
): { at: number; ordinal: number } | undefined {
  const ordinal = REMINDERS.findIndex((before) => evidenceDueAt - before > now)
  const before = REMINDERS[ordinal]
  return before === undefined ? undefined : { at: evidenceDueAt - before, ordinal: ordinal + 1 }
}

/** Banks take their time: looked at by ourselves every other day, and soon after evidence was due. */
export function nextDisputeLook({
  evidenceDueAt,
  now,
}: {
  evidenceDueAt: number | undefined
  now: number
}): number {
  const afterDue = evidenceDueAt === undefined ? undefined : evidenceDueAt + HOUR
  return afterDue !== undefined && afterDue > now ? Math.min(afterDue, now + 2 * DAY) : now + 2 * DAY
}
