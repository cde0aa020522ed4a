import { and, asc, desc, eq, sql } from 'drizzle-orm'
import type { PaymentStatus } from '../domain/checkout.ts'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import type { PaymentRow } from './payments.ts'
import { paymentAttempts, payments } from './schema/index.ts'

export type PaymentAttemptRow = typeof paymentAttempts.$inferSelect

export interface PaymentPage {
  livemode: boolean
  userId: string | undefined
  status: PaymentStatus | undefined
  limit: number
  /** The last payment of the page before. */
  before: { createdAt: Date; id: string } | undefined
}

/** Payments of a project, newest first. */
export async function listPayments(
  transaction: Transaction,
  projectId: ProjectId,
  { livemode, userId, status, limit, before }: PaymentPage,
): Promise<PaymentRow[]> {
  return transaction
    .select()
    .from(payments)
    .where(
      and(
        eq(payments.projectId, projectId),
        eq(payments.livemode, livemode),
        userId === undefined ? undefined : eq(payments.userId, userId),
        status === undefined ? undefined : eq(payments.status, status),
        before &&
          sql`(${payments.createdAt}, ${payments.paymentId}) < (${before.createdAt.toISOString()}::timestamptz, ${before.id})`,
      ),
    )
    .orderBy(desc(payments.createdAt), desc(payments.paymentId))
    .limit(limit)
}

/** Each try to charge for a payment, in order. */
export async function listPaymentAttempts(
  transaction: Transaction,
  projectId: ProjectId,
  paymentId: PaymentId,
): Promise<PaymentAttemptRow[]> {
  return transaction
    .select()
    .from(paymentAttempts)
    .where(and(eq(paymentAttempts.projectId, projectId), eq(paymentAttempts.paymentId, paymentId)))
    .orderBy(asc(paymentAttempts.attemptedAt), asc(paymentAttempts.stripeChargeId))
}
