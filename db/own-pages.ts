import { and, asc, type Column, eq, gt, isNotNull } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { customers, disputes, payments, refunds, subscriptions } from './schema/index.ts'

/** What of a project's is known to Stripe, in pages: for the direction of a comparison that looks for what Stripe does not have. */

/** In the order of our ids, of the installation's mode. */
interface OwnPage {
  livemode: boolean
  after: string
  limit: number
}

export function customersWithStripe(transaction: Transaction, projectId: ProjectId, page: OwnPage) {
  const { customerId: id, userId, stripeCustomerId: stripeId } = customers
  return transaction
    .select({ id, userId, stripeId })
    .from(customers)
    .where(and(isOnPage(projectId, page, customers, id), isNotNull(stripeId)))
    .orderBy(asc(id))
    .limit(page.limit)
}

export function subscriptionsWithStripe(transaction: Transaction, projectId: ProjectId, page: OwnPage) {
  const { subscriptionId: id, userId, stripeSubscriptionId: stripeId } = subscriptions
  return transaction
    .select({ id, userId, stripeId })
    .from(subscriptions)
    .where(isOnPage(projectId, page, subscriptions, id))
    .orderBy(asc(id))
    .limit(page.limit)
}

export function paidPayments(transaction: Transaction, projectId: ProjectId, page: OwnPage) {
  const { paymentId: id, userId, stripePaymentIntentId: stripeId, amountReceived, currency } = payments
  return transaction
    .select({ id, userId, stripeId, amountReceived, currency })
    .from(payments)
    .where(and(isOnPage(projectId, page, payments, id), gt(amountReceived, 0)))
    .orderBy(asc(id))
    .limit(page.limit)
}

export function refundsWithStripe(transaction: Transaction, projectId: ProjectId, page: OwnPage) {
  const { refundId: id, userId, stripeRefundId: stripeId } = refunds
  return transaction
    .select({ id, userId, stripeId })
    .from(refunds)
    .where(and(isOnPage(projectId, page, refunds, id), isNotNull(stripeId)))
    .orderBy(asc(id))
    .limit(page.limit)
}

export function disputesWithStripe(transaction: Transaction, projectId: ProjectId, page: OwnPage) {
  const { disputeId: id, userId, stripeDisputeId: stripeId } = disputes
  return transaction
    .select({ id, userId, stripeId })
    .from(disputes)
    .where(isOnPage(projectId, page, disputes, id))
    .orderBy(asc(id))
    .limit(page.limit)
}

const isOnPage = (
  projectId: ProjectId,
  { livemode, after }: OwnPage,
  table: { projectId: Column; livemode: Column },
  id: Column,
) => and(eq(table.projectId, projectId), eq(table.livemode, livemode), gt(id, after))
