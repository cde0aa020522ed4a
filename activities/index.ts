import type { CheckoutSnapshot } from '../domain/checkout.ts'
import type { SubscriptionSnapshot } from '../domain/subscription.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { createOpenCheckout } from './open-checkout.ts'
import { createPublishCatalog } from './publish-catalog.ts'
import { createRecordCheckout, createRecordRefusal } from './record-checkout.ts'
import { createRecordOperatorAction } from './record-operator-action.ts'
import { createRecordSubscription } from './record-subscription.ts'

/** What workflows may do. Those that call Stripe run on a task queue of their own, held below its rate limit. */

export function createStripeActivities(dependencies: ActivityDependencies) {
  const { provider } = dependencies
  return {
    openCheckout: createOpenCheckout(dependencies),
    publishCatalog: createPublishCatalog(dependencies),
    readCheckout: (checkoutSessionId: string): Promise<CheckoutSnapshot> =>
      provider.readCheckout(checkoutSessionId),
    readSubscription: (stripeSubscriptionId: string): Promise<SubscriptionSnapshot> =>
      provider.readSubscription(stripeSubscriptionId),
  }
}
export type StripeActivities = ReturnType<typeof createStripeActivities>

/** Short and idempotent, run by the workflow's own worker. */
export function createRecordActivities(dependencies: ActivityDependencies) {
  return {
    recordCheckout: createRecordCheckout(dependencies),
    recordRefusal: createRecordRefusal(dependencies),
    recordSubscription: createRecordSubscription(dependencies),
    recordOperatorAction: createRecordOperatorAction(dependencies),
  }
}
export type RecordActivities = ReturnType<typeof createRecordActivities>
