import type { z } from '@hono/zod-openapi'
import { refundData, type RefundRow } from '../db/refunds.ts'
import type { refundShown } from './schemas/refunds.ts'

/** A refund as the API shows it. */
export const showRefund = (row: RefundRow): z.infer<typeof refundShown> => ({
  ...refundData(row),
  subscription: row.subscriptionAction,
  requested_by: row.requestedBy,
  ...(row.decidedBy !== null && { decided_by: row.decidedBy }),
  ...(row.decisionReason !== null && { decision_reason: row.decisionReason }),
  ...(row.stripeRefundId !== null && { stripe_refund_id: row.stripeRefundId }),
  ...(row.stripeCreditNoteId && { stripe_credit_note_id: row.stripeCreditNoteId }),
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
