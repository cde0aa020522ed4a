import type { ProjectId, RefundId, SubscriptionId } from '../domain/ids.ts'
import type { RefundOpening } from '../domain/refunds.ts'
import { deriveId } from './mint-id.ts'

/** The refund of an invoice that was paid after the end of its subscription. Whoever comes upon the payment (a look, an event, a
 *  reconciliation) names the same one, so it is made once. */
export function lateRefundOf(
  { projectId, subscriptionId }: { projectId: ProjectId; subscriptionId: SubscriptionId },
  invoiceId: string,
): { refundId: RefundId; opening: RefundOpening } {
  return {
    refundId: deriveId('rfd', projectId, subscriptionId, 'late', invoiceId),
    opening: { kind: 'late_payment', ownerId: subscriptionId, invoiceId },
  }
}
