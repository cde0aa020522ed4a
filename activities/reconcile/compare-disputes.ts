import { disputesAtStripe } from '../../db/comparisons.ts'
import type { DisputeOnBooks } from '../../domain/provider-books.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'
import { comparePerProject } from './located.ts'

/** Each dispute of a charge of ours must be one of ours, and stand as it does at Stripe. */
export function compareDisputes(
  dependencies: ReconcileDependencies,
  items: DisputeOnBooks[],
): Promise<Comparison> {
  return comparePerProject(
    dependencies,
    items,
    ({ id, chargeId, paymentIntentId }) => [id, chargeId, paymentIntentId],
    async (transaction, projectId, located) => {
      const rows = await disputesAtStripe(
        transaction,
        projectId,
        located.map(({ item }) => item.id),
      )
      return located.flatMap(({ item }): Finding[] => {
        const { id, chargeId, paymentIntentId, amount, status } = item
        const known = rows.find(({ stripeDisputeId }) => stripeDisputeId === id)
        if (known?.status === status) return []
        return [
          {
            kind: known ? 'dispute_status_differs' : 'dispute_unknown',
            stage: 'disputes',
            projectId,
            stripeId: id,
            ...(known && {
              userId: known.userId,
              subjectId: known.disputeId,
              ours: { status: known.status },
            }),
            stripes: { status, amount: amount.amountMinor, currency: amount.currency },
            owner: {
              about: 'dispute',
              projectId,
              stripeId: id,
              stripeChargeId: chargeId,
              ...(paymentIntentId && { stripePaymentIntentId: paymentIntentId }),
            },
          },
        ]
      })
    },
  )
}
