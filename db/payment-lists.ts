import { and, asc, eq } from 'drizzle-orm'
import type { PaymentStatus } from '../domain/checkout.ts'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { newestFirst, type NewestFirstPage, olderThan } from './newest-first.ts'
import type { PaymentRow } from './payments.ts'
import { paymentAttempts, payments } from './schema/index.ts'

export type PaymentAttemptRow = typeof paymentAttempts.$inferSelect

export interface PaymentPage extends NewestFirstPage {
  livemode: boolean
  userId: string | undefined
  status: PaymentStatus | undefined
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
        olderThan(before, payments.createdAt, payments.paymentId),
      ),
    )
    .orderBy(...newestFirst(payments.createdAt, payments.paymentId))
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
