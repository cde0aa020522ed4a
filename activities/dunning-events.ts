import type { DunningAttemptRow, DunningCaseRow } from '../db/dunning.ts'
import { progressOf } from '../db/dunning.ts'
import type { SubscriptionWithPlan } from '../db/subscriptions.ts'
import { explainDecline } from '../domain/decline-codes.ts'
import { type AttemptTrigger, nextRetryAtOf } from '../domain/dunning.ts'
import type { DunningData } from '../domain/event-data.ts'
import type { EventDraft } from '../domain/events.ts'
import { currency, money } from '../domain/money.ts'
import type { SubscriptionNotice, SubscriptionNoticeKind } from '../domain/notices.ts'
import { isOutOfCards } from './refused-cards.ts'

/** What the world and the customer are told of an unpaid invoice. */

const triggers: Record<AttemptTrigger, string> = {
  renewal: 'The renewal was declined',
  schedule: 'The scheduled retry was declined',
  new_card: 'The new card was declined',
  operator: 'The retry that was asked for was declined',
  customer: 'The customer tried to pay and was declined',
}
export const describeTrigger = (trigger: AttemptTrigger) => triggers[trigger]

/** The next retry, as it is told; nothing when none is left. */
export function retryScheduled(found: DunningCaseRow, subscription: SubscriptionWithPlan): EventDraft[] {
  const retryAt = nextRetryAtOf(progressOf(found))
  if (retryAt === undefined) return []
  const data = {
    ...dunningData(found, subscription),
    retry: found.retriesDone + 1,
    retries: found.policy.retries.length,
    retry_at: new Date(retryAt).toISOString(),
  }
  return [{ type: 'dunning.retry_scheduled', subject: found.subscriptionId, data }]
}

export function alertOfFailure(
  found: DunningCaseRow,
  subscription: SubscriptionWithPlan,
  failures: number,
  declineCode: string | undefined,
): EventDraft {
  const data = {
    ...dunningData(found, subscription),
    failures,
    ...(declineCode && { decline_code: declineCode }),
  }
  return { type: 'alert.payment_failed', subject: found.subscriptionId, data }
}

/** A decline that the customer's own act can mend asks for that act. */
export function noticeOfFailure(
  found: DunningCaseRow,
  subscription: SubscriptionWithPlan,
  trouble: string | undefined,
  attempts: DunningAttemptRow[],
): EventDraft {
  if (trouble === 'no_payment_method') return notice('no_payment_method', found, subscription, { attempts })
  const kind = trouble === 'authentication_required' ? 'authentication_required' : 'payment_failed'
  return notice(kind, found, subscription, { attempts, reason: explainDecline(trouble) })
}

/** A notice about an unpaid invoice. What no card is left for is not announced. */
export function notice(
  kind: SubscriptionNoticeKind,
  found: DunningCaseRow,
  { subscription, plan }: SubscriptionWithPlan,
  { attempts, ...extra }: Partial<SubscriptionNotice> & { attempts: DunningAttemptRow[] },
): EventDraft {
  const isRetried = found.status === 'open' && !isOutOfCards(found, attempts)
  const retryAt = isRetried ? nextRetryAtOf(progressOf(found)) : undefined
  const data: SubscriptionNotice = {
    kind,
    user_id: subscription.userId,
    subscription_id: subscription.subscriptionId,
    plan_id: subscription.planId,
    plan_name: plan.name,
    amount: found.amountDue,
    currency: found.currency,
    invoice_id: found.invoiceId,
    ...(retryAt !== undefined && { retry_at: new Date(retryAt).toISOString() }),
    grace_until: found.graceUntil.toISOString(),
    ...(found.payUrl && { pay_url: found.payUrl }),
    ...extra,
  }
  return { type: `notice.${kind}`, subject: subscription.subscriptionId, data }
}

export function dunningData(found: DunningCaseRow, { subscription }: SubscriptionWithPlan): DunningData {
  return {
    invoice_id: found.invoiceId,
    subscription_id: found.subscriptionId,
    user_id: subscription.userId,
    plan_id: subscription.planId,
    amount: found.amountDue,
    currency: found.currency,
    failed_at: found.failedAt.toISOString(),
    grace_until: found.graceUntil.toISOString(),
    policy_version: found.policyVersion,
  }
}

export const owed = (found: DunningCaseRow) => money(found.amountDue, currency(found.currency))
