import { subscriptionData, type SubscriptionWithPlan } from '../db/subscriptions.ts'
import type { EventDraft } from '../domain/events.ts'
import type { SubscriptionNotice, SubscriptionNoticeKind } from '../domain/notices.ts'
import { heldRoles, roleChanges } from '../domain/roles.ts'
import type { SubscriptionDecision } from '../domain/decide-subscription.ts'
import type { SubscriptionChange } from '../domain/subscription.ts'

/** What the world is told of each step in a subscription's life. */

const reasons: Record<SubscriptionChange, string> = {
  trial_started: 'The checkout was completed and the trial began.',
  activated: 'Stripe says the subscription is active.',
  renewed: 'The invoice of a new period was paid.',
  plan_changed: 'The plan was changed.',
  payment_failed: 'The invoice of a new period was not paid.',
  recovered: 'Nothing is owed any more.',
  paused: 'The subscription was paused.',
  resumed: 'The subscription runs again.',
  canceled: 'The subscription has ended.',
}

export const describeChange = ({ change, paidInvoice }: ToldStep['decision']): string => {
  if (change) return reasons[change]
  return paidInvoice ? 'An invoice was paid.' : 'Stripe shows other terms.'
}

const eventOfChange = {
  trial_started: 'subscription.activated',
  activated: 'subscription.activated',
  plan_changed: 'subscription.updated',
  payment_failed: 'subscription.past_due',
  recovered: 'subscription.recovered',
  paused: 'subscription.paused',
  resumed: 'subscription.resumed',
  canceled: 'subscription.canceled',
} as const satisfies Record<Exclude<SubscriptionChange, 'renewed'>, EventDraft['type']>

export interface ToldStep {
  isNew: boolean
  decision: Pick<SubscriptionDecision, 'change' | 'paidInvoice'>
  rolesBefore: string[]
  rolesAfter: string[]
  /** Whether it ends because nothing could be collected. */
  unpaid: boolean
  /** Whether it is news that it will end with its period. */
  announcesEnd: boolean
}

export function subscriptionEvents(recorded: SubscriptionWithPlan, step: ToldStep): EventDraft[] {
  return [
    ...changeEvents(recorded, step),
    ...roleEvents(recorded, step.rolesBefore, step.rolesAfter),
    ...noticeOf(recorded, step),
  ]
}

function changeEvents(recorded: SubscriptionWithPlan, { isNew, decision }: ToldStep): EventDraft[] {
  const subject = recorded.subscription.subscriptionId
  const data = subscriptionData(recorded)
  const { change, paidInvoice } = decision
  const created: EventDraft[] = isNew ? [{ type: 'subscription.created', subject, data }] : []
  if (change === undefined) return [...created, { type: 'subscription.updated', subject, data }]
  if (change !== 'renewed') return [...created, { type: eventOfChange[change], subject, data }]
  if (!paidInvoice) throw new Error(`subscription ${subject} was renewed without a payment`)
  const { invoiceId, amountPaid } = paidInvoice
  return [
    {
      type: 'subscription.renewed',
      subject,
      data: {
        ...data,
        invoice_id: invoiceId,
        amount: amountPaid.amountMinor,
        currency: amountPaid.currency,
      },
    },
  ]
}

export const rolesOf = (all: SubscriptionWithPlan[]): string[] =>
  heldRoles(all.map(({ subscription, plan }) => ({ ...subscription, roles: plan.roles })))

export function roleEvents(
  { subscription }: SubscriptionWithPlan,
  before: string[],
  after: string[],
): EventDraft[] {
  const { granted, revoked } = roleChanges(before, after)
  const subject = subscription.userId
  const data = (role: string) => ({
    user_id: subject,
    role,
    roles: after,
    subscription_id: subscription.subscriptionId,
  })
  return [
    ...granted.map((role): EventDraft => ({ type: 'entitlement.role_granted', subject, data: data(role) })),
    ...revoked.map((role): EventDraft => ({ type: 'entitlement.role_revoked', subject, data: data(role) })),
  ]
}

/** What the customer is told of the subscription itself. */
export function subscriptionNotice(
  kind: SubscriptionNoticeKind,
  { subscription, plan }: SubscriptionWithPlan,
  extra: Partial<SubscriptionNotice>,
): EventDraft {
  const data: SubscriptionNotice = {
    kind,
    user_id: subscription.userId,
    subscription_id: subscription.subscriptionId,
    plan_id: subscription.planId,
    plan_name: plan.name,
    ...extra,
  }
  return { type: `notice.${kind}`, subject: subscription.subscriptionId, data }
}

function noticeOf(
  recorded: SubscriptionWithPlan,
  { decision, isNew, unpaid, announcesEnd }: ToldStep,
): EventDraft[] {
  const { pausedUntil, currentPeriodEnd } = recorded.subscription
  const { change } = decision
  // A subscription that had ended before we first saw it was never announced either.
  if (change === 'canceled' && !isNew)
    return [
      subscriptionNotice('subscription_canceled', recorded, {
        ...(unpaid && { reason: 'We could not collect what was due.' }),
      }),
    ]
  if (change === 'paused')
    return [
      subscriptionNotice('subscription_paused', recorded, {
        ...(pausedUntil && { resumes_at: pausedUntil.toISOString() }),
      }),
    ]
  const access_until = currentPeriodEnd.toISOString()
  return [
    ...(change === 'resumed' ? [subscriptionNotice('subscription_resumed', recorded, {})] : []),
    ...(announcesEnd ? [subscriptionNotice('subscription_canceled', recorded, { access_until })] : []),
  ]
}
