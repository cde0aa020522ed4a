import {
  type ClockId,
  type CustomerId,
  type DisputeId,
  isId,
  type PaymentId,
  type ProjectId,
  type RefundId,
  type SubscriptionId,
} from '../domain/ids.ts'
import { describeMoney, type Money } from '../domain/money.ts'

/** Where workflows run and what they are called. */

/** Workflows and whatever touches Postgres. */
export const TASK_QUEUE = 'quittance'
/** Calls to Stripe: a queue of their own, held below Stripe's rate limit. */
export const STRIPE_TASK_QUEUE = 'quittance-stripe'

export const checkoutWorkflowId = (paymentId: PaymentId) => `checkout/${paymentId}` as const
export const subscriptionWorkflowId = (subscriptionId: SubscriptionId) =>
  `subscription/${subscriptionId}` as const
export const dunningWorkflowId = (invoiceId: string) => `dunning/${invoiceId}` as const
export const testClockWorkflowId = (clockId: ClockId) => `testClock/${clockId}` as const
export const paymentMethodWorkflowId = (customerId: CustomerId) => `paymentMethod/${customerId}` as const
export const refundWorkflowId = (refundId: RefundId) => `refund/${refundId}` as const
export const disputeWorkflowId = (disputeId: DisputeId) => `dispute/${disputeId}` as const
export const walletExpiryWorkflowId = (customerId: CustomerId) => `walletExpiry/${customerId}` as const
export const topUpWorkflowId = (paymentId: PaymentId) => `topUp/${paymentId}` as const
export const catalogWorkflowId = (projectId: ProjectId) => `catalog/${projectId}` as const
export const reconcileWorkflowId = (reconciliationId: string) => `reconcile/${reconciliationId}` as const

/** What stands beside the id in Temporal's list: no personal data but the project's own name of the user. */
export const subscriptionTitle = (userId: string | undefined, planId: string | null | undefined) =>
  `Subscription of user ${userId} to plan ${planId}`
export const caseTitle = (userId: string | undefined, planId: string | null | undefined, amountDue?: Money) =>
  `${amountDue ? `${describeMoney(amountDue)} unpaid` : 'Unpaid invoice'}: user ${userId}, plan ${planId}`

/** The workflow that looks after one of our objects; `undefined` for objects no workflow owns. */
export function ownerWorkflowId(ownerId: string): string | undefined {
  if (isId('pay', ownerId)) return checkoutWorkflowId(ownerId)
  if (isId('sbs', ownerId)) return subscriptionWorkflowId(ownerId)
  if (isId('cst', ownerId)) return paymentMethodWorkflowId(ownerId)
  if (isId('rfd', ownerId)) return refundWorkflowId(ownerId)
  if (isId('dsp', ownerId)) return disputeWorkflowId(ownerId)
  return undefined
}
