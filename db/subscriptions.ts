import { and, asc, eq, sql } from 'drizzle-orm'
import type { SubscriptionData } from '../domain/events.ts'
import type { ProjectId, SubscriptionId } from '../domain/ids.ts'
import { heldRoles } from '../domain/roles.ts'
import { hasAccess } from '../domain/subscription.ts'
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
    has_access: hasAccess(subscription.status),
    // What it grants now: nothing once it gives no access.
    roles: heldRoles([{ status: subscription.status, roles: plan.roles }]),
    current_period_start: subscription.currentPeriodStart.toISOString(),
    current_period_end: subscription.currentPeriodEnd.toISOString(),
    cancel_at_period_end: subscription.cancelAtPeriodEnd,
    ...(subscription.trialEnd && { trial_end: subscription.trialEnd.toISOString() }),
    payment_id: subscription.paymentId,
  }
}

const withPlans = (transaction: Transaction) =>
  transaction
    .select({ subscription: subscriptions, plan: plans })
    .from(subscriptions)
    .innerJoin(
      plans,
      and(
        eq(plans.projectId, subscriptions.projectId),
        eq(plans.planId, subscriptions.planId),
        eq(plans.version, subscriptions.planVersion),
      ),
    )
    .$dynamic()

const isSubscription = (projectId: ProjectId, subscriptionId: SubscriptionId) =>
  and(eq(subscriptions.projectId, projectId), eq(subscriptions.subscriptionId, subscriptionId))
