import { and, eq, inArray, or, sql } from 'drizzle-orm'
import type { CustomerId, PaymentId, ProjectId, RefundId, SubscriptionId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { isOfEntry } from './ledger.ts'
import {
  balanceTransactions,
  customers,
  disputes,
  dunningCases,
  ledgerEntries,
  ledgerTransfers,
  payments,
  plans,
  refunds,
  subscriptions,
} from './schema/index.ts'
import { isSoldPlan } from './subscriptions.ts'

/** What a comparison with Stripe's books reads of a project's rows: only the columns that are compared. */

export function customersAtStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { stripeIds, customerIds }: { stripeIds: string[]; customerIds: CustomerId[] },
) {
  return transaction
    .select({
      customerId: customers.customerId,
      userId: customers.userId,
      stripeCustomerId: customers.stripeCustomerId,
    })
    .from(customers)
    .where(
      and(
        eq(customers.projectId, projectId),
        or(inArray(customers.stripeCustomerId, stripeIds), inArray(customers.customerId, customerIds)),
      ),
    )
}

const subscriptionColumns = {
  subscriptionId: subscriptions.subscriptionId,
  stripeSubscriptionId: subscriptions.stripeSubscriptionId,
  paymentId: subscriptions.paymentId,
  userId: subscriptions.userId,
  status: subscriptions.status,
  quantity: subscriptions.quantity,
  currentPeriodEnd: subscriptions.currentPeriodEnd,
  cancelAtPeriodEnd: subscriptions.cancelAtPeriodEnd,
  planId: subscriptions.planId,
  stripePriceId: plans.stripePriceId,
}

export function subscriptionsAtStripe(transaction: Transaction, projectId: ProjectId, stripeIds: string[]) {
  return transaction
    .select(subscriptionColumns)
    .from(subscriptions)
    .innerJoin(plans, isSoldPlan)
    .where(
      and(eq(subscriptions.projectId, projectId), inArray(subscriptions.stripeSubscriptionId, stripeIds)),
    )
}

/** Cases of these invoices, and of these subscriptions those that are not settled. */
export function casesOf(
  transaction: Transaction,
  projectId: ProjectId,
  { invoiceIds, subscriptionIds }: { invoiceIds: string[]; subscriptionIds: SubscriptionId[] },
) {
  return transaction
    .select({
      invoiceId: dunningCases.invoiceId,
      subscriptionId: dunningCases.subscriptionId,
      status: dunningCases.status,
      amountDue: dunningCases.amountDue,
    })
    .from(dunningCases)
    .where(
      and(
        eq(dunningCases.projectId, projectId),
        or(
          inArray(dunningCases.invoiceId, invoiceIds),
          and(
            inArray(dunningCases.subscriptionId, subscriptionIds),
            inArray(dunningCases.status, ['open', 'exhausted']),
          ),
        ),
      ),
    )
}

/** What was entered for each of these invoices, over all of its entries. */
export async function enteredForInvoices(
  transaction: Transaction,
  projectId: ProjectId,
  invoiceIds: string[],
): Promise<Map<string, number>> {
  if (invoiceIds.length === 0) return new Map()
  const rows = await transaction
    .select({ invoiceId: ledgerEntries.invoiceId, amount: sql<string>`sum(${ledgerTransfers.amount})` })
    .from(ledgerEntries)
    .innerJoin(ledgerTransfers, isOfEntry)
    .where(
      and(
        eq(ledgerEntries.projectId, projectId),
        inArray(ledgerEntries.invoiceId, invoiceIds),
        isPaidEntry,
        eq(ledgerTransfers.debitAccount, 'stripe_balance'),
      ),
    )
    .groupBy(ledgerEntries.invoiceId)
  return new Map(rows.map(({ invoiceId, amount }) => [invoiceId ?? '', Number(amount)]))
}

/** Entries of money that came in, as against those that give it back. */
export const isPaidEntry = sql`(${ledgerEntries.intent} like '%/paid/%' or ${ledgerEntries.intent} like '%/succeeded')`

const paymentColumns = {
  paymentId: payments.paymentId,
  subscriptionId: payments.subscriptionId,
  userId: payments.userId,
  status: payments.status,
  amountReceived: payments.amountReceived,
  currency: payments.currency,
  stripePaymentIntentId: payments.stripePaymentIntentId,
  stripeCheckoutSessionId: payments.stripeCheckoutSessionId,
  stripeInvoiceId: payments.stripeInvoiceId,
}

export function paymentsAtStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { paymentIds, paymentIntentIds }: { paymentIds: PaymentId[]; paymentIntentIds: string[] },
) {
  return transaction
    .select(paymentColumns)
    .from(payments)
    .where(
      and(
        eq(payments.projectId, projectId),
        or(
          inArray(payments.paymentId, paymentIds),
          inArray(payments.stripePaymentIntentId, paymentIntentIds),
        ),
      ),
    )
}

/** Which changes of the balance are explained, by the charge or the refund that they are about. */
export function explainedSources(transaction: Transaction, projectId: ProjectId, sourceIds: string[]) {
  return transaction
    .select({ sourceId: balanceTransactions.sourceId, state: balanceTransactions.state })
    .from(balanceTransactions)
    .where(
      and(eq(balanceTransactions.projectId, projectId), inArray(balanceTransactions.sourceId, sourceIds)),
    )
}

export function refundsAtStripe(
  transaction: Transaction,
  projectId: ProjectId,
  { stripeIds, refundIds }: { stripeIds: string[]; refundIds: RefundId[] },
) {
  return transaction
    .select({
      refundId: refunds.refundId,
      userId: refunds.userId,
      status: refunds.status,
      amount: refunds.amount,
      currency: refunds.currency,
      stripeRefundId: refunds.stripeRefundId,
    })
    .from(refunds)
    .where(
      and(
        eq(refunds.projectId, projectId),
        or(inArray(refunds.stripeRefundId, stripeIds), inArray(refunds.refundId, refundIds)),
      ),
    )
}

export function disputesAtStripe(transaction: Transaction, projectId: ProjectId, stripeIds: string[]) {
  return transaction
    .select({
      disputeId: disputes.disputeId,
      userId: disputes.userId,
      status: disputes.status,
      stripeDisputeId: disputes.stripeDisputeId,
    })
    .from(disputes)
    .where(and(eq(disputes.projectId, projectId), inArray(disputes.stripeDisputeId, stripeIds)))
}
