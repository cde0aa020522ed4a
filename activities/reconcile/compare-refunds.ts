import { refundsAtStripe } from '../../db/comparisons.ts'
import type { RefundOnBooks } from '../../domain/provider-books.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { RefundStatus } from '../../domain/refunds.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'
import { comparePerProject } from './located.ts'

/** Each refund of a charge of ours must be one of ours, once, whoever made it. */
export function compareRefunds(
  dependencies: ReconcileDependencies,
  items: RefundOnBooks[],
): Promise<Comparison> {
  return comparePerProject(
    dependencies,
    items,
    ({ id, chargeId, paymentIntentId }) => [id, chargeId, paymentIntentId],
    async (transaction, projectId, located) => {
      const rows = await refundsAtStripe(transaction, projectId, {
        stripeIds: located.map(({ item }) => item.id),
        refundIds: located.map(({ item }) => item.claim.refundId).filter((id) => id !== undefined),
      })
      return located.flatMap(({ item }): Finding[] => {
        const { id, claim, chargeId, paymentIntentId, amount } = item
        const known = rows.find(({ stripeRefundId }) => stripeRefundId === id)
        const claimed = rows.find(({ refundId }) => refundId === claim.refundId)
        const about = {
          stage: 'refunds',
          projectId,
          stripeId: id,
          stripes: { status: item.status, amount: amount.amountMinor, currency: amount.currency },
        } as const
        const owner = {
          about: 'refund',
          projectId,
          stripeId: id,
          stripeChargeId: chargeId,
          ...(paymentIntentId && { stripePaymentIntentId: paymentIntentId }),
          ...(claimed && { refundId: claimed.refundId }),
        } as const
        if (!known) {
          // Of one whose answer was lost the row does not say yet which refund it became.
          if (!claimed || claimed.stripeRefundId === null)
            return [{ ...about, kind: 'refund_unknown', owner }]
          const { refundId, userId, stripeRefundId } = claimed
          const ours = { stripe_refund_id: stripeRefundId }
          return [{ ...about, kind: 'refunded_twice', userId, subjectId: refundId, ours }]
        }
        const ofRow = {
          ...about,
          userId: known.userId,
          subjectId: known.refundId,
          ours: { status: known.status, amount: known.amount, currency: known.currency },
        }
        const found: Finding[] = []
        if (known.amount !== amount.amountMinor || known.currency !== amount.currency)
          found.push({ ...ofRow, kind: 'refund_amount_differs' })
        if (statusOf(item.status) !== known.status)
          found.push({ ...ofRow, kind: 'refund_status_differs', owner })
        return found
      })
    },
  )
}

function statusOf(status: string): RefundStatus {
  if (status === 'succeeded') return 'succeeded'
  return status === 'failed' || status === 'canceled' ? 'failed' : 'pending'
}
