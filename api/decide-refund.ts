import { returnCredits } from '../db/accept-refund.ts'
import { writeAudit } from '../db/audit.ts'
import type { Transaction } from '../db/client.ts'
import { appendEvents } from '../db/outbox.ts'
import { lockRefund, refundData, type RefundRow, updateRefund } from '../db/refunds.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'

/** Writes what a second person has decided. Deciding the same again changes nothing.
 *  @throws BillingError `not_awaiting_approval`, `own_request`. */
export async function decideRefund(
  transaction: Transaction,
  {
    projectId,
    refundId,
    decision,
    by,
    reason,
  }: {
    projectId: ProjectId
    refundId: RefundId
    decision: 'approve' | 'reject'
    by: string
    reason: string
  },
): Promise<RefundRow> {
  const row = await lockRefund(transaction, projectId, refundId)
  const isRejected = row.failureCode === 'rejected'
  if (row.decidedBy === by && isRejected === (decision === 'reject')) return row
  if (row.status !== 'awaiting_approval') throw new BillingError('not_awaiting_approval')
  if (row.requestedBy === by) throw new BillingError('own_request')
  const { at } = await timeOfCustomer(transaction, row, new Date())
  if (decision === 'reject') await returnCredits(transaction, row)
  const decided = await updateRefund(transaction, row, {
    status: decision === 'approve' ? 'pending' : 'failed',
    ...(decision === 'reject' && { failureCode: 'rejected' }),
    decidedBy: by,
    decidedAt: at,
    decisionReason: reason,
    startDueAt: new Date(Date.now() + 15_000),
  })
  const { userId, correlationId } = row
  const intent = `${refundId}/${decision}`
  await writeAudit(transaction, {
    projectId,
    actor: by,
    action: decision === 'approve' ? 'refund.approved' : 'refund.rejected',
    subjectId: refundId,
    why: reason,
    correlationId,
    stripeIds: [row.stripeChargeId],
    amount: row.amount,
    currency: row.currency,
    before: { status: row.status },
    after: { status: decided.status },
    occurredAt: at,
  })
  if (decision === 'reject')
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, [
      { type: 'refund.failed', subject: refundId, data: refundData(decided) },
    ])
  return decided
}
