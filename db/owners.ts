import { and, eq } from 'drizzle-orm'
import type { PaymentStatus } from '../domain/checkout.ts'
import type { PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { SubscriptionStatus } from '../domain/subscription.ts'
import type { Database } from './client.ts'
import { payments, subscriptions } from './schema/index.ts'

/** What the inbox may know of the rows that own events, before a tenant is set: the columns granted to the system role. */

export interface PaymentOwner {
  projectId: ProjectId
  paymentId: PaymentId
  userId: string
  status: PaymentStatus
  planId: string | null
  livemode: boolean
  correlationId: string
  subscriptionId: SubscriptionId | null
}

export interface SubscriptionOwner {
  projectId: ProjectId
  subscriptionId: SubscriptionId
  paymentId: PaymentId
  userId: string
  status: SubscriptionStatus
  planId: string
  livemode: boolean
  stripeSubscriptionId: string
  /** Of the payment that sold it. */
  correlationId: string
}

const paymentColumns = {
  projectId: payments.projectId,
  paymentId: payments.paymentId,
  userId: payments.userId,
  status: payments.status,
  planId: payments.planId,
  livemode: payments.livemode,
  correlationId: payments.correlationId,
  subscriptionId: payments.subscriptionId,
}

export async function findPaymentOwner(
  system: Database,
  { projectId, paymentId }: Pick<PaymentOwner, 'projectId' | 'paymentId'>,
): Promise<PaymentOwner | undefined> {
  const [row] = await system
    .select(paymentColumns)
    .from(payments)
    .where(and(eq(payments.projectId, projectId), eq(payments.paymentId, paymentId)))
  return row
}

export async function findSubscriptionOwner(
  system: Database,
  { projectId, subscriptionId }: Pick<SubscriptionOwner, 'projectId' | 'subscriptionId'>,
): Promise<SubscriptionOwner | undefined> {
  const [row] = await system
    .select({
      projectId: subscriptions.projectId,
      subscriptionId: subscriptions.subscriptionId,
      paymentId: subscriptions.paymentId,
      userId: subscriptions.userId,
      status: subscriptions.status,
      planId: subscriptions.planId,
      livemode: subscriptions.livemode,
      stripeSubscriptionId: subscriptions.stripeSubscriptionId,
      correlationId: payments.correlationId,
    })
    .from(subscriptions)
    .innerJoin(
      payments,
      and(eq(payments.projectId, subscriptions.projectId), eq(payments.paymentId, subscriptions.paymentId)),
    )
    .where(and(eq(subscriptions.projectId, projectId), eq(subscriptions.subscriptionId, subscriptionId)))
  return row
}
