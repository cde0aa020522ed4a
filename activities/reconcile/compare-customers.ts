import { customersAtStripe } from '../../db/comparisons.ts'
import type { CustomerOnBooks } from '../../domain/provider-books.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'
import { comparePerProject } from './located.ts'

/** Each customer of Stripe's that carries our ids must be the one that our customer is known by. */
export function compareCustomers(
  dependencies: ReconcileDependencies,
  items: CustomerOnBooks[],
): Promise<Comparison> {
  return comparePerProject(
    dependencies,
    items,
    ({ id }) => [id],
    async (transaction, projectId, located) => {
      const rows = await customersAtStripe(transaction, projectId, {
        stripeIds: located.map(({ item }) => item.id),
        customerIds: located.map(({ item }) => item.claim.customerId).filter((id) => id !== undefined),
      })
      return located.flatMap(({ item }): Finding[] => {
        const known = rows.find(({ stripeCustomerId }) => stripeCustomerId === item.id)
        const about = { stage: 'customers', projectId, stripeId: item.id } as const
        if (known)
          return item.isDeleted
            ? [{ ...about, kind: 'customer_deleted', subjectId: known.customerId, userId: known.userId }]
            : []
        // In its place another one was made.
        if (item.isDeleted) return []
        const claimed = rows.find(({ customerId }) => customerId === item.claim.customerId)
        // Made a moment ago: its id is on its way into the row.
        if (claimed?.stripeCustomerId === null) return []
        return [
          {
            ...about,
            kind: 'customer_orphaned',
            ...(claimed && { subjectId: claimed.customerId, userId: claimed.userId }),
            ours: { stripe_customer_id: claimed?.stripeCustomerId ?? null },
            stripes: { stripe_customer_id: item.id },
          },
        ]
      })
    },
  )
}
