import { and, asc, eq, sql } from 'drizzle-orm'
import type { PendingChangeData, SubscriptionData } from '../domain/event-data.ts'
import type { ProjectId, SubscriptionId } from '../domain/ids.ts'
import { heldRoles } from '../domain/roles.ts'
import { hasAccess, type KnownSubscription, type PendingChange } from '../domain/subscription.ts'
import type { PlanRow } from './catalog.ts'
import type { Transaction } from './client.ts'
import { plans, subscriptions } from './schema/index.ts'

export type SubscriptionRow = typeof subscriptions.$inferSelect
/** A subscription together with the version of the plan it was sold. */
export interface SubscriptionWithPlan {
  subscription: SubscriptionRow
  plan: PlanRow
}

export async function findSubscription(
  transaction: Transaction,
  projectId: ProjectId,
  subscriptionId: SubscriptionId,
): Promise<SubscriptionWithPlan | undefined> {
  const [found] = await withPlans(transaction).where(isSubscription(projectId, subscriptionId))
  return found
}

/** All subscriptions a user has or had, oldest first. */
export async function listSubscriptions(
  transaction: Transaction,
  projectId: ProjectId,
  userId: string,
  livemode: boolean,
): Promise<SubscriptionWithPlan[]> {
  return withPlans(transaction)
    .where(
      and(
        eq(subscriptions.projectId, projectId),
        eq(subscriptions.userId, userId),
        eq(subscriptions.livemode, livemode),
      ),
    )
    .orderBy(asc(subscriptions.createdAt), asc(subscriptions.subscriptionId))
}

export async function insertSubscription(
  transaction: Transaction,
  row: typeof subscriptions.$inferInsert,
): Promise<SubscriptionRow> {
  const [inserted] = await transaction.insert(subscriptions).values(row).returning()
  if (!inserted) throw new Error(`subscription ${row.subscriptionId} was not inserted`)
  return inserted
}

export async function updateSubscription(
  transaction: Transaction,
  { projectId, subscriptionId }: Pick<SubscriptionRow, 'projectId' | 'subscriptionId'>,
  columns: Partial<typeof subscriptions.$inferInsert>,
): Promise<SubscriptionRow> {
  const [updated] = await transaction
    .update(subscriptions)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(isSubscription(projectId, subscriptionId))
    .returning()
  if (!updated) throw new Error(`subscription ${subscriptionId} is missing`)
  return updated
}

/** What the world is told of a subscription. */
export function subscriptionData({ subscription, plan }: SubscriptionWithPlan): SubscriptionData {
  return {
    subscription_id: subscription.subscriptionId,
    user_id: subscription.userId,
    plan_id: subscription.planId,
    plan_version: subscription.planVersion,
    interval: plan.interval,
    quantity: subscription.quantity,
    status: subscription.status,
    has_access: hasAccess(subscription),
    // What it grants now: nothing once it gives no access.
    roles: heldRoles([{ ...subscription, roles: plan.roles }]),
    current_period_start: subscription.currentPeriodStart.toISOString(),
    current_period_end: subscription.currentPeriodEnd.toISOString(),
    cancel_at_period_end: subscription.cancelAtPeriodEnd,
    ...(subscription.trialEnd && { trial_end: subscription.trialEnd.toISOString() }),
    ...(subscription.pausedUntil && { paused_until: subscription.pausedUntil.toISOString() }),
    ...(subscription.pendingChange && { pending_change: pendingChangeData(subscription.pendingChange) }),
    payment_id: subscription.paymentId,
  }
}

/** Without its link, which is for the customer alone. */
function pendingChangeData(change: PendingChange): PendingChangeData {
  return {
    plan_id: change.planId,
    plan_version: change.planVersion,
    quantity: change.quantity,
    when: change.when,
    at: new Date(change.at).toISOString(),
  }
}

/** The same as the domain takes it. */
export function toKnown(
  { subscription }: SubscriptionWithPlan,
  owed: Pick<KnownSubscription, 'openCases' | 'leftUnpaid'>,
): KnownSubscription {
  const { trialEnd, pausedUntil, pendingChange, paidInvoiceId } = subscription
  return {
    planId: subscription.planId,
    planVersion: subscription.planVersion,
    quantity: subscription.quantity,
    revision: subscription.revision,
    status: subscription.status,
    currentPeriodStart: subscription.currentPeriodStart.getTime(),
    currentPeriodEnd: subscription.currentPeriodEnd.getTime(),
    cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
    ...owed,
    graceEnded: subscription.graceEnded,
    ...(trialEnd && { trialEnd: trialEnd.getTime() }),
    ...(pausedUntil && { pausedUntil: pausedUntil.getTime() }),
    ...(pendingChange && { pendingChange }),
    ...(paidInvoiceId !== null && { paidInvoiceId }),
  }
}

/** The plan of a subscription, in the version that was sold. */
export const isSoldPlan = and(
  eq(plans.projectId, subscriptions.projectId),
  eq(plans.planId, subscriptions.planId),
  eq(plans.version, subscriptions.planVersion),
)

const withPlans = (transaction: Transaction) =>
  transaction
    .select({ subscription: subscriptions, plan: plans })
    .from(subscriptions)
    .innerJoin(plans, isSoldPlan)
    .$dynamic()

const isSubscription = (projectId: ProjectId, subscriptionId: SubscriptionId) =>
  and(eq(subscriptions.projectId, projectId), eq(subscriptions.subscriptionId, subscriptionId))
