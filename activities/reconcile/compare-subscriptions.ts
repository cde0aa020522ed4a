import { casesOf, paymentsAtStripe, subscriptionsAtStripe } from '../../db/comparisons.ts'
import type { SubscriptionOnBooks } from '../../domain/provider-books.ts'
import type { DifferenceKind, Finding, Value } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'
import { comparePerProject } from './located.ts'

type Row = Awaited<ReturnType<typeof subscriptionsAtStripe>>[number]

/** Each subscription of Stripe's that we sold must be one of ours, in the same state and on the same terms. */
export function compareSubscriptions(
  dependencies: ReconcileDependencies,
  items: SubscriptionOnBooks[],
): Promise<Comparison> {
  return comparePerProject(
    dependencies,
    items,
    ({ id }) => [id],
    async (transaction, projectId, located) => {
      const rows = await subscriptionsAtStripe(
        transaction,
        projectId,
        located.map(({ item }) => item.id),
      )
      const unpaid = await casesOf(transaction, projectId, {
        invoiceIds: [],
        subscriptionIds: rows.map(({ subscriptionId }) => subscriptionId),
      })
      const sellers = await paymentsAtStripe(transaction, projectId, {
        paymentIds: located.map(({ item }) => item.claim.paymentId).filter((id) => id !== undefined),
        paymentIntentIds: [],
      })
      return located.flatMap(({ item }): Finding[] => {
        const row = rows.find(({ stripeSubscriptionId }) => stripeSubscriptionId === item.id)
        if (!row) {
          const seller = sellers.find(({ paymentId }) => paymentId === item.claim.paymentId)
          return seller ? missingHere(item, seller) : []
        }
        const owes = unpaid.some(({ subscriptionId }) => subscriptionId === row.subscriptionId)
        return differences(item, row, owes).map(([kind, ours, stripes]) => ({
          kind,
          stage: 'subscriptions',
          projectId,
          userId: row.userId,
          subjectId: row.subscriptionId,
          stripeId: item.id,
          ours,
          stripes,
          owner: {
            about: 'subscription',
            projectId,
            stripeId: item.id,
            subscriptionId: row.subscriptionId,
            paymentId: row.paymentId,
          },
        }))
      })

      function missingHere(
        item: SubscriptionOnBooks,
        { paymentId, userId, subscriptionId }: (typeof sellers)[number],
      ): Finding[] {
        // What was never paid for never began.
        if (item.status.startsWith('incomplete') || subscriptionId === null) return []
        const owner = { projectId, stripeId: item.id, paymentId, subscriptionId }
        return [
          {
            kind: 'subscription_missing_here',
            stage: 'subscriptions',
            projectId,
            userId,
            subjectId: subscriptionId,
            stripeId: item.id,
            stripes: { status: item.status },
            owner: { about: 'subscription', ...owner },
          },
        ]
      }
    },
  )
}

type Difference = [DifferenceKind, Value, Value]

function differences(item: SubscriptionOnBooks, row: Row, owes: boolean): Difference[] {
  // What Stripe gave up on we still call by what it is.
  const status = item.status === 'unpaid' ? 'past_due' : item.status
  const hasEnded = status === 'canceled' || status === 'incomplete_expired'
  if (row.status === 'canceled')
    return hasEnded ? [] : [['subscription_revived', { status: row.status }, { status }]]
  if (hasEnded) return [['subscription_canceled_unseen', { status: row.status }, { status }]]

  const found: Difference[] = []
  const differs = <Name extends string>(
    kind: DifferenceKind,
    name: Name,
    ours: Value[Name],
    stripes: Value[Name],
  ) => {
    if (ours !== stripes) found.push([kind, { [name]: ours ?? null }, { [name]: stripes ?? null }])
  }
  // Stripe's status follows the latest invoice alone: with us an earlier one that is unpaid counts as well.
  const isBehindOnAnother = owes && row.status === 'past_due' && status === 'active'
  if (!isBehindOnAnother) differs('subscription_status_differs', 'status', row.status, status)
  if (!isRenewing(item, row)) {
    differs('subscription_price_differs', 'stripe_price_id', row.stripePriceId, item.priceId)
    differs('subscription_quantity_differs', 'quantity', row.quantity, item.quantity)
    differs(
      'subscription_period_differs',
      'current_period_end',
      row.currentPeriodEnd.toISOString(),
      new Date(item.currentPeriodEnd).toISOString(),
    )
  }
  differs(
    'subscription_ending_differs',
    'cancel_at_period_end',
    row.cancelAtPeriodEnd,
    item.cancelAtPeriodEnd,
  )
  return found
}

/** More than the hour that Stripe takes to charge for a period that it has opened. */
const RENEWAL_MS = 24 * 3_600_000

/** Stripe opens a period, on its new terms, before it charges; with us it begins when it is paid. What has become of the money
 *  is told by the invoice. */
const isRenewing = ({ currentPeriodStart }: SubscriptionOnBooks, row: Row): boolean =>
  currentPeriodStart === row.currentPeriodEnd.getTime() && currentPeriodStart > Date.now() - RENEWAL_MS
