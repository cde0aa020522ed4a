import type { z } from '@hono/zod-openapi'
import type { Transaction } from '../db/client.ts'
import { type DunningAttemptRow, type DunningCaseRow, listAttempts, listCases } from '../db/dunning.ts'
import type { SubscriptionWithPlan } from '../db/subscriptions.ts'
import type { ProjectId } from '../domain/ids.ts'
import { heldRoles } from '../domain/roles.ts'
import { hasAccess } from '../domain/subscription.ts'
import type { dunningCaseShown, subscriptionShown } from './schemas/subscriptions.ts'

/** Subscriptions as the API shows them, with their unpaid invoices. */
export async function showSubscriptions(
  transaction: Transaction,
  projectId: ProjectId,
  all: SubscriptionWithPlan[],
): Promise<z.infer<typeof subscriptionShown>[]> {
  const cases = await listCases(
    transaction,
    projectId,
    all.map(({ subscription }) => subscription.subscriptionId),
  )
  const attempts = await listAttempts(
    transaction,
    projectId,
    cases.map(({ invoiceId }) => invoiceId),
  )
  return all.map((one) => {
    const ofThis = cases.filter(({ subscriptionId }) => subscriptionId === one.subscription.subscriptionId)
    return showSubscription(one, ofThis, attempts)
  })
}

function showSubscription(
  { subscription, plan }: SubscriptionWithPlan,
  cases: DunningCaseRow[],
  attempts: DunningAttemptRow[],
): z.infer<typeof subscriptionShown> {
  const { trialEnd, pausedUntil, pendingChange } = subscription
  const shownCases = cases.map((one) =>
    showCase(
      one,
      attempts.filter(({ invoiceId }) => invoiceId === one.invoiceId),
    ),
  )
  const current = shownCases.find(({ status }) => status === 'open') ?? shownCases.at(-1)
  return {
    subscription_id: subscription.subscriptionId,
    user_id: subscription.userId,
    plan_id: subscription.planId,
    plan_version: subscription.planVersion,
    quantity: subscription.quantity,
    status: subscription.status,
    has_access: hasAccess(subscription),
    roles: heldRoles([{ ...subscription, roles: plan.roles }]),
    current_period_start: subscription.currentPeriodStart.toISOString(),
    current_period_end: subscription.currentPeriodEnd.toISOString(),
    cancel_at_period_end: subscription.cancelAtPeriodEnd,
    ...(pendingChange && {
      pending_change: {
        plan_id: pendingChange.planId,
        plan_version: pendingChange.planVersion,
        quantity: pendingChange.quantity,
        when: pendingChange.when,
        at: new Date(pendingChange.at).toISOString(),
        ...(pendingChange.payUrl && { pay_url: pendingChange.payUrl }),
      },
    }),
    ...(trialEnd && { trial_end: trialEnd.toISOString() }),
    ...(pausedUntil && { paused_until: pausedUntil.toISOString() }),
    ...(current && { dunning: current }),
    dunning_cases: shownCases,
    stripe_subscription_id: subscription.stripeSubscriptionId,
    payment_id: subscription.paymentId,
    created_at: subscription.createdAt.toISOString(),
  }
}

function showCase(
  { payUrl, ...one }: DunningCaseRow,
  attempts: DunningAttemptRow[],
): z.infer<typeof dunningCaseShown> {
  return {
    invoice_id: one.invoiceId,
    status: one.status,
    amount: one.amountDue,
    currency: one.currency,
    failed_at: one.failedAt.toISOString(),
    attempts: attempts.map((attempt) => ({
      at: attempt.startedAt.toISOString(),
      trigger: attempt.trigger,
      outcome: attempt.outcome ?? 'pending',
      ...(attempt.declineCode !== null && { decline_code: attempt.declineCode }),
    })),
    next_retry_at: one.nextRetryAt?.toISOString() ?? null,
    grace_until: one.graceUntil.toISOString(),
    policy_version: one.policyVersion,
    ...(payUrl && one.status === 'open' && { pay_url: payUrl }),
  }
}
