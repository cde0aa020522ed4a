import { and, asc, eq, gt, isNotNull } from 'drizzle-orm'
import type { CustomerId, DisputeId, PaymentId, ProjectId, RefundId, SubscriptionId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { customers, disputes, payments, refunds, subscriptions } from './schema/index.ts'

/** What of a project's is known to Stripe, in pages: for the direction of a comparison that looks for what Stripe does not have. */

/** In the order of our ids, of the installation's mode. */
interface OwnPage {
  livemode: boolean
  after: string
  limit: number
}

export function customersWithStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { livemode, after, limit }: OwnPage,
) {
  return transaction
    .select({
      id: customers.customerId,
      userId: customers.userId,
      stripeId: customers.stripeCustomerId,
    })
    .from(customers)
    .where(
      and(
        eq(customers.projectId, projectId),
        eq(customers.livemode, livemode),
        gt(customers.customerId, after as CustomerId),
        isNotNull(customers.stripeCustomerId),
      ),
    )
    .orderBy(asc(customers.customerId))
    .limit(limit)
}

export function subscriptionsWithStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { livemode, after, limit }: OwnPage,
) {
  return transaction
    .select({
      id: subscriptions.subscriptionId,
      userId: subscriptions.userId,
      stripeId: subscriptions.stripeSubscriptionId,
    })
    .from(subscriptions)
    .where(
      and(
        eq(subscriptions.projectId, projectId),
        eq(subscriptions.livemode, livemode),
        gt(subscriptions.subscriptionId, after as SubscriptionId),
      ),
    )
    .orderBy(asc(subscriptions.subscriptionId))
    .limit(limit)
}

export function paidPayments(
  transaction: Transaction,
  projectId: ProjectId,
  { livemode, after, limit }: OwnPage,
) {
  return transaction
    .select({
      id: payments.paymentId,
      userId: payments.userId,
      stripeId: payments.stripePaymentIntentId,
      amountReceived: payments.amountReceived,
      currency: payments.currency,
    })
    .from(payments)
    .where(
      and(
        eq(payments.projectId, projectId),
        eq(payments.livemode, livemode),
        gt(payments.paymentId, after as PaymentId),
        gt(payments.amountReceived, 0),
      ),
    )
    .orderBy(asc(payments.paymentId))
    .limit(limit)
}

export function refundsWithStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { livemode, after, limit }: OwnPage,
) {
  return transaction
    .select({ id: refunds.refundId, userId: refunds.userId, stripeId: refunds.stripeRefundId })
    .from(refunds)
    .where(
      and(
        eq(refunds.projectId, projectId),
        eq(refunds.livemode, livemode),
        gt(refunds.refundId, after as RefundId),
        isNotNull(refunds.stripeRefundId),
      ),
    )
    .orderBy(asc(refunds.refundId))
    .limit(limit)
}

export function disputesWithStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { livemode, after, limit }: OwnPage,
) {
  return transaction
    .select({ id: disputes.disputeId, userId: disputes.userId, stripeId: disputes.stripeDisputeId })
    .from(disputes)
    .where(
      and(
        eq(disputes.projectId, projectId),
        eq(disputes.livemode, livemode),
        gt(disputes.disputeId, after as DisputeId),
      ),
    )
    .orderBy(asc(disputes.disputeId))
    .limit(limit)
}
