import { idOf } from '../../providers/stripe/snapshots.ts'
import { groupBy } from '../support/group-by.ts'
import type { Product } from '../support/product.ts'
import type { PlayedProject } from './world.ts'

/** No invoice of a subscription is charged after its end, by Stripe's own order of events: since Stripe has ended it, or since
 *  somebody was answered that it is canceled, whichever came first. What a customer pays by hand is theirs to decide, and what
 *  is canceled in the dashboard can be crossed by the one charge that is on its way to Stripe in that moment. */
export async function chargesAfterEnd({ stripe }: Product, projects: PlayedProject[]): Promise<string[]> {
  const users = projects.flatMap(({ users: ofProject }) => [...ofProject.values()])
  const crossable = new Set(users.flatMap(({ canceledAtStripe }) => canceledAtStripe))
  const byHand = new Set(users.flatMap(({ paidByHand }) => paidByHand))
  const answered = groupBy(
    users.flatMap(({ canceledNow }) => canceledNow),
    ({ lastEventId }) => lastEventId,
  )
  const chargedLater = new Map<string, number>()
  const flaws: string[] = []
  // Newest first.
  for await (const { id, type, data } of stripe.sdk.events.list({ limit: 100 })) {
    for (const { stripeSubscriptionId } of answered.get(id) ?? []) {
      const times = chargedLater.get(stripeSubscriptionId) ?? 0
      if (times > 0)
        flaws.push(`${stripeSubscriptionId} was charged ${times} times after it was answered as canceled`)
    }
    const object = data.object as {
      id: string
      amount_paid?: number
      parent?: { subscription_details?: { subscription?: string | { id: string } } | null } | null
    }
    if (type === 'invoice.paid' && (object.amount_paid ?? 0) > 0 && !byHand.has(object.id)) {
      const subscriptionId = idOf(object.parent?.subscription_details?.subscription ?? null)
      if (subscriptionId) chargedLater.set(subscriptionId, (chargedLater.get(subscriptionId) ?? 0) + 1)
    }
    if (type !== 'customer.subscription.deleted') continue
    const times = chargedLater.get(object.id) ?? 0
    if (times > (crossable.has(object.id) ? 1 : 0))
      flaws.push(`${object.id} was charged ${times} times after its end`)
  }
  return flaws
}
