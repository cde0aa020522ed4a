import { and, asc, eq, sql } from 'drizzle-orm'
import type { RefundData } from '../domain/event-data.ts'
import type { CustomerId, PaymentId, ProjectId, RefundId } from '../domain/ids.ts'
import type { RefundStatus } from '../domain/refunds.ts'
import type { ChargeRow } from './charges.ts'
import type { Database, Transaction } from './client.ts'
import { newestFirst, type NewestFirstPage, olderThan } from './newest-first.ts'
import { refunds } from './schema/index.ts'

export type RefundRow = typeof refunds.$inferSelect

/** Oldest first. */
export function listRefundsOfCharge(
  transaction: Transaction,
  { projectId, stripeChargeId }: Pick<ChargeRow, 'projectId' | 'stripeChargeId'>,
): Promise<RefundRow[]> {
  return transaction
    .select()
    .from(refunds)
    .where(and(eq(refunds.projectId, projectId), eq(refunds.stripeChargeId, stripeChargeId)))
    .orderBy(asc(refunds.createdAt), asc(refunds.refundId))
}

export async function findRefund(
  transaction: Transaction,
  projectId: ProjectId,
  refundId: RefundId,
): Promise<RefundRow | undefined> {
  const [row] = await transaction.select().from(refunds).where(isRefund(projectId, refundId))
  return row
}

/** @throws Error when the row is missing, which only a defect of ours can cause. */
export async function readRefund(
  transaction: Transaction,
  projectId: ProjectId,
  refundId: RefundId,
): Promise<RefundRow> {
  const row = await findRefund(transaction, projectId, refundId)
  if (!row) throw new Error(`refund ${refundId} is missing`)
  return row
}

/** Holds the row to the end of the transaction. */
export async function lockRefund(
  transaction: Transaction,
  projectId: ProjectId,
  refundId: RefundId,
): Promise<RefundRow> {
  const [row] = await transaction.select().from(refunds).where(isRefund(projectId, refundId)).for('update')
  if (!row) throw new Error(`refund ${refundId} is missing`)
  return row
}

export async function updateRefund(
  transaction: Transaction,
  { projectId, refundId }: Pick<RefundRow, 'projectId' | 'refundId'>,
  columns: Partial<typeof refunds.$inferInsert>,
): Promise<RefundRow> {
  const [row] = await transaction
    .update(refunds)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(isRefund(projectId, refundId))
    .returning()
  if (!row) throw new Error(`refund ${refundId} is missing`)
  return row
}

/** Newest first. */
export function listRefunds(
  transaction: Transaction,
  projectId: ProjectId,
  page: NewestFirstPage & {
    livemode: boolean
    paymentId?: PaymentId | undefined
    status?: RefundStatus | undefined
  },
): Promise<RefundRow[]> {
  const { livemode, limit, before, paymentId, status } = page
  return transaction
    .select()
    .from(refunds)
    .where(
      and(
        eq(refunds.projectId, projectId),
        eq(refunds.livemode, livemode),
        paymentId && eq(refunds.paymentId, paymentId),
        status && eq(refunds.status, status),
        olderThan(before, refunds.createdAt, refunds.refundId),
      ),
    )
    .orderBy(...newestFirst(refunds.createdAt, refunds.refundId))
    .limit(limit)
}

/** What the world is told of a refund. */
export function refundData(row: RefundRow): RefundData {
  return {
    refund_id: row.refundId,
    user_id: row.userId,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    origin: row.origin,
    ...(row.paymentId !== null && { payment_id: row.paymentId }),
    ...(row.subscriptionId !== null && { subscription_id: row.subscriptionId }),
    ...(row.invoiceId !== null && { invoice_id: row.invoiceId }),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.failureCode !== null && { failure_code: row.failureCode }),
  }
}

/** What the inbox and the sweep may know of a refund, before a tenant is set. */
export interface RefundOwner {
  projectId: ProjectId
  refundId: RefundId
  customerId: CustomerId
  userId: string
  livemode: boolean
  status: RefundStatus
  correlationId: string
}

const ownerColumns = {
  projectId: refunds.projectId,
  refundId: refunds.refundId,
  customerId: refunds.customerId,
  userId: refunds.userId,
  livemode: refunds.livemode,
  status: refunds.status,
  correlationId: refunds.correlationId,
}

export async function findRefundOwner(
  system: Database,
  { projectId, refundId }: Pick<RefundOwner, 'projectId' | 'refundId'>,
): Promise<RefundOwner | undefined> {
  const [row] = await system.select(ownerColumns).from(refunds).where(isRefund(projectId, refundId))
  return row
}

/** Takes refunds whose start is due, oldest first, and puts them off: should the start fail unseen, they come again. */
export async function claimDueRefunds(
  system: Database,
  { limit, postpone_s }: { limit: number; postpone_s: number },
): Promise<RefundOwner[]> {
  const due = sql`(
    select project_id, refund_id from ${refunds}
    where status = 'pending' and stripe_refund_id is null and start_due_at <= now()
    order by start_due_at limit ${limit} for update skip locked)`
  return system
    .update(refunds)
    .set({ startDueAt: sql`now() + ${postpone_s} * interval '1 second'` })
    .where(sql`(${refunds.projectId}, ${refunds.refundId}) in ${due}`)
    .returning(ownerColumns)
}

const isRefund = (projectId: ProjectId, refundId: RefundId) =>
  and(eq(refunds.projectId, projectId), eq(refunds.refundId, refundId))
