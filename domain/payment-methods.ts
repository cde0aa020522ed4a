import type { SubscriptionId } from './ids.ts'
import type { SubscriptionStatus } from './subscription.ts'

/** The cards of a customer, and what may be done about them. */
export type PaymentMethodChange =
  | { kind: 'attach'; paymentMethodId: string; makeDefault: boolean }
  | { kind: 'remove'; paymentMethodId: string }
  /** Of everything that runs or, where a subscription is named, of that one alone. */
  | { kind: 'make_default'; paymentMethodId: string; subscriptionId?: SubscriptionId }

/** Whether something is still to be charged: not once it has ended, nor when it only lives out a period that is paid for. */
export function needsCard({
  status,
  cancelAtPeriodEnd,
}: {
  status: SubscriptionStatus
  cancelAtPeriodEnd: boolean
}): boolean {
  return status === 'past_due' || (status !== 'canceled' && !cancelAtPeriodEnd)
}
