import { and, eq, sql } from 'drizzle-orm'
import type { DisputeSnapshot, DisputeStatus } from '../domain/disputes.ts'
import type { DisputeData } from '../domain/event-data.ts'
import type { CustomerId, DisputeId, PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { ChargeRow } from './charges.ts'
import type { Database, Transaction } from './client.ts'
import { newestFirst, type NewestFirstPage, olderThan } from './newest-first.ts'
import { disputes } from './schema/index.ts'
import { ownStripeObjects } from './stripe-objects.ts'

export type DisputeRow = typeof disputes.$inferSelect

/** Writes that a bank wants money of a charge back. */
export async function insertDispute(
  transaction: Transaction,
  disputeId: DisputeId,
  charge: ChargeRow,
  seen: DisputeSnapshot,
): Promise<DisputeRow> {
  const { projectId, livemode } = charge
  const [row] = await transaction
    .insert(disputes)
    .values({
      projectId,
      disputeId,
      stripeDisputeId: seen.stripeDisputeId,
      stripeChargeId: charge.stripeChargeId,
      customerId: charge.customerId,
      userId: charge.userId,
      livemode,
      paymentId: charge.paymentId,
      subscriptionId: charge.subscriptionId,
      invoiceId: charge.invoiceId,
      amount: seen.amount.amountMinor,
      currency: seen.amount.currency,
      reason: seen.reason,
      status: seen.status,
      evidenceDueAt: seen.evidenceDueAt === undefined ? null : new Date(seen.evidenceDueAt),
      openedAt: new Date(seen.openedAt),
      correlationId: charge.correlationId,
    })
    .returning()
  if (!row) throw new Error('a dispute was not inserted')
  await ownStripeObjects(transaction, { projectId, ownerId: disputeId, livemode }, [seen.stripeDisputeId])
  return row
}

export async function findDispute(
  transaction: Transaction,
  projectId: ProjectId,
  disputeId: DisputeId,
): Promise<DisputeRow | undefined> {
  const [row] = await transaction.select().from(disputes).where(isDispute(projectId, disputeId))
  return row
}

/** Holds the row, if there is one, to the end of the transaction. */
export async function lockDispute(
  transaction: Transaction,
  projectId: ProjectId,
  disputeId: DisputeId,
): Promise<DisputeRow | undefined> {
  const [row] = await transaction.select().from(disputes).where(isDispute(projectId, disputeId)).for('update')
  return row
}

export async function updateDispute(
  transaction: Transaction,
  { projectId, disputeId }: Pick<DisputeRow, 'projectId' | 'disputeId'>,
  columns: Partial<typeof disputes.$inferInsert>,
): Promise<DisputeRow> {
  const [row] = await transaction
    .update(disputes)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(isDispute(projectId, disputeId))
    .returning()
  if (!row) throw new Error(`dispute ${disputeId} is missing`)
  return row
}

/** Newest first. */
export function listDisputes(
  transaction: Transaction,
  projectId: ProjectId,
  page: NewestFirstPage & { livemode: boolean; status?: DisputeStatus | undefined },
): Promise<DisputeRow[]> {
  const { livemode, limit, before, status } = page
  return transaction
    .select()
    .from(disputes)
    .where(
      and(
        eq(disputes.projectId, projectId),
        eq(disputes.livemode, livemode),
        status && eq(disputes.status, status),
        olderThan(before, disputes.createdAt, disputes.disputeId),
      ),
    )
    .orderBy(...newestFirst(disputes.createdAt, disputes.disputeId))
    .limit(limit)
}

/** What the world is told of a dispute. */
export function disputeData(row: DisputeRow): DisputeData {
  return {
    dispute_id: row.disputeId,
    user_id: row.userId,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    reason: row.reason,
    ...(row.paymentId !== null && { payment_id: row.paymentId }),
    ...(row.subscriptionId !== null && { subscription_id: row.subscriptionId }),
    ...(row.invoiceId !== null && { invoice_id: row.invoiceId }),
    ...(row.evidenceDueAt !== null && { evidence_due_at: row.evidenceDueAt.toISOString() }),
  }
}

/** What the system may know of a dispute, before a tenant is set. */
export interface DisputeOwner {
  projectId: ProjectId
  disputeId: DisputeId
  stripeDisputeId: string
  customerId: CustomerId
  userId: string
  paymentId: PaymentId | null
  subscriptionId: SubscriptionId | null
  status: DisputeStatus
  correlationId: string
}

export async function findDisputeOwner(
  system: Database,
  { projectId, disputeId }: Pick<DisputeOwner, 'projectId' | 'disputeId'>,
): Promise<DisputeOwner | undefined> {
  const [row] = await system
    .select({
      projectId: disputes.projectId,
      disputeId: disputes.disputeId,
      stripeDisputeId: disputes.stripeDisputeId,
      customerId: disputes.customerId,
      userId: disputes.userId,
      paymentId: disputes.paymentId,
      subscriptionId: disputes.subscriptionId,
      status: disputes.status,
      correlationId: disputes.correlationId,
    })
    .from(disputes)
    .where(isDispute(projectId, disputeId))
  return row
}

const isDispute = (projectId: ProjectId, disputeId: DisputeId) =>
  and(eq(disputes.projectId, projectId), eq(disputes.disputeId, disputeId))
