import { sql } from 'drizzle-orm'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import type { Database } from './client.ts'
import { payments } from './schema/index.ts'

/** Payments that were accepted and that no workflow has taken up. */

export interface DuePayment {
  projectId: ProjectId
  paymentId: PaymentId
  userId: string
  correlationId: string
  planId: string | null
}

/** Takes payments whose start is due, oldest first, and puts them off: should the start fail unseen, they come again. Two that
 *  claim at once get different ones. */
export async function claimDuePayments(
  system: Database,
  { limit, postpone_s }: { limit: number; postpone_s: number },
): Promise<DuePayment[]> {
  const due = sql`(
    select project_id, payment_id from ${payments}
    where status = 'pending' and stripe_checkout_session_id is null and start_due_at <= now()
    order by start_due_at limit ${limit} for update skip locked)`
  return system
    .update(payments)
    .set({ startDueAt: sql`now() + ${postpone_s} * interval '1 second'` })
    .where(sql`(${payments.projectId}, ${payments.paymentId}) in ${due}`)
    .returning({
      projectId: payments.projectId,
      paymentId: payments.paymentId,
      userId: payments.userId,
      correlationId: payments.correlationId,
      planId: payments.planId,
    })
}

/** Makes a payment due again sooner, after a start that failed. */
export async function makePaymentDue(
  system: Database,
  { projectId, paymentId }: Pick<DuePayment, 'projectId' | 'paymentId'>,
  wait_s: number,
): Promise<void> {
  await system
    .update(payments)
    .set({ startDueAt: sql`now() + ${wait_s} * interval '1 second'` })
    .where(sql`${payments.projectId} = ${projectId} and ${payments.paymentId} = ${paymentId}`)
}
