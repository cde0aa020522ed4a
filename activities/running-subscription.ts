import type { Transaction } from '../db/client.ts'
import { findSubscription } from '../db/subscriptions.ts'
import type { ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { Subject } from './scene.ts'

/** A subscription that has not ended; `undefined` where there is none to end. */
export async function runningSubscription(
  transaction: Transaction,
  { projectId, subscriptionId }: { projectId: ProjectId; subscriptionId: SubscriptionId | null },
): Promise<Subject | undefined> {
  if (subscriptionId === null) return undefined
  const found = await findSubscription(transaction, projectId, subscriptionId)
  if (!found || found.subscription.status === 'canceled') return undefined
  const { paymentId, stripeSubscriptionId } = found.subscription
  return { projectId, subscriptionId, paymentId, stripeSubscriptionId }
}
