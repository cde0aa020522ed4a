import {
  type SearchAttributePair,
  TypedSearchAttributes,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/common'
import type { ClockId, CustomerId, PaymentId, ProjectId, RefundId, SubscriptionId } from '../domain/ids.ts'
import type { RefundOpening } from '../domain/refunds.ts'
import { CALLS_AT_MOST } from '../domain/reconciliation.ts'
import type { SubscriptionStatus } from '../domain/subscription.ts'
import {
  caseTitle,
  catalogWorkflowId,
  checkoutWorkflowId,
  dunningWorkflowId,
  reconcileWorkflowId,
  paymentMethodWorkflowId,
  disputeWorkflowId,
  refundWorkflowId,
  subscriptionTitle,
  subscriptionWorkflowId,
  TASK_QUEUE,
  testClockWorkflowId,
  topUpWorkflowId,
  walletExpiryWorkflowId,
} from '../workflows/ids.ts'
import type {
  CatalogInput,
  CheckoutInput,
  DunningInput,
  PaymentMethodInput,
  DisputeInput,
  RefundInput,
  ReconcileInput,
  SubscriptionInput,
  TestClockInput,
  TopUpInput,
  WalletExpiryInput,
} from '../workflows/messages.ts'
import { searchAttributes } from '../workflows/search-attributes.ts'

/** How each workflow is started, whoever starts it: the API, the webhook receiver or the sweep.
 *
 *  A running workflow is used as it is. A finished one may be started again: Temporal forgets closed workflows after its
 *  retention, so it cannot be what forbids a second life. The row in Postgres is: a run that finds its payment finished
 *  looks at Stripe once more, records only what is new, and ends. */
const policies = {
  taskQueue: TASK_QUEUE,
  workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
} as const

export interface CheckoutStart {
  projectId: ProjectId
  paymentId: PaymentId
  userId: string
  correlationId: string
  planId: string | null
}

export function checkoutStart(payment: CheckoutStart) {
  const { projectId, paymentId, userId, correlationId, planId } = payment
  const attributes: SearchAttributePair[] = [
    { key: searchAttributes.project, value: projectId },
    { key: searchAttributes.user, value: userId },
    { key: searchAttributes.status, value: 'pending' },
    ...(planId === null ? [] : [{ key: searchAttributes.plan, value: planId }]),
  ]
  return {
    ...policies,
    workflowId: checkoutWorkflowId(paymentId),
    args: [{ version: 1, projectId, paymentId, correlationId }] satisfies [CheckoutInput],
    typedSearchAttributes: new TypedSearchAttributes(attributes),
    // A busy project must not starve a quiet one.
    priority: { fairnessKey: projectId },
    staticSummary:
      planId === null ? `Checkout of user ${userId}` : `Checkout of user ${userId}: plan ${planId}`,
    staticDetails: `Payment ${paymentId} of project ${projectId}.\n\nCorrelation id: ${correlationId}`,
  }
}

export interface SubscriptionStart {
  projectId: ProjectId
  subscriptionId: SubscriptionId
  paymentId: PaymentId
  stripeSubscriptionId: string
  userId: string
  correlationId: string
  planId: string | null
  status: SubscriptionStatus
  clockId: ClockId | null
}

/** A subscription is started by the checkout that sold it. This is for an event that finds it not running. */
export function subscriptionStart(subscription: SubscriptionStart) {
  const { projectId, subscriptionId, paymentId, stripeSubscriptionId, correlationId, planId } = subscription
  const attributes: SearchAttributePair[] = [
    { key: searchAttributes.project, value: projectId },
    { key: searchAttributes.user, value: subscription.userId },
    { key: searchAttributes.status, value: subscription.status },
    ...(planId === null ? [] : [{ key: searchAttributes.plan, value: planId }]),
  ]
  const input: SubscriptionInput = {
    version: 1,
    projectId,
    subscriptionId,
    paymentId,
    stripeSubscriptionId,
    correlationId,
    seenEventIds: [],
    ...clockInput(subscription.clockId),
  }
  return {
    ...policies,
    workflowId: subscriptionWorkflowId(subscriptionId),
    args: [input] satisfies [SubscriptionInput],
    typedSearchAttributes: new TypedSearchAttributes(attributes),
    priority: { fairnessKey: projectId },
    staticSummary: subscriptionTitle(subscription.userId, planId),
    staticDetails: `Sold by checkout/${paymentId}. To end it, send the update \`cancel\`.`,
  }
}

/** A case is started by its subscription. This is for an event that finds it not running. */
export function dunningStart(subscription: SubscriptionStart, invoiceId: string) {
  const { projectId, subscriptionId, paymentId, stripeSubscriptionId, correlationId, planId } = subscription
  const attributes: SearchAttributePair[] = [
    { key: searchAttributes.project, value: projectId },
    { key: searchAttributes.user, value: subscription.userId },
    { key: searchAttributes.status, value: 'open' },
    ...(planId === null ? [] : [{ key: searchAttributes.plan, value: planId }]),
  ]
  const input: DunningInput = {
    version: 1,
    projectId,
    subscriptionId,
    paymentId,
    stripeSubscriptionId,
    invoiceId,
    correlationId,
    seenEventIds: [],
    ...clockInput(subscription.clockId),
  }
  return {
    ...policies,
    workflowId: dunningWorkflowId(invoiceId),
    args: [input] satisfies [DunningInput],
    typedSearchAttributes: new TypedSearchAttributes(attributes),
    priority: { fairnessKey: projectId },
    staticSummary: caseTitle(subscription.userId, planId),
    staticDetails: `Of ${subscriptionWorkflowId(subscriptionId)}.`,
  }
}

/** The first look tells what time it is there. */
const clockInput = (clockId: ClockId | null) => (clockId === null ? {} : { clock: { clockId, now: 0 } })

export function testClockStart(projectId: ProjectId, clockId: ClockId) {
  return {
    ...policies,
    workflowId: testClockWorkflowId(clockId),
    args: [{ version: 1, projectId, clockId }] satisfies [TestClockInput],
    typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.project, value: projectId }]),
    priority: { fairnessKey: projectId },
    staticSummary: `Test clock ${clockId}`,
  }
}

export interface PaymentMethodStart {
  projectId: ProjectId
  customerId: CustomerId
}

export function paymentMethodStart({ projectId, customerId }: PaymentMethodStart) {
  return {
    ...policies,
    workflowId: paymentMethodWorkflowId(customerId),
    args: [{ version: 1, projectId, customerId, pages: [] }] satisfies [PaymentMethodInput],
    typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.project, value: projectId }]),
    priority: { fairnessKey: projectId },
    staticSummary: `Cards of customer ${customerId}`,
  }
}

export interface RefundStart {
  projectId: ProjectId
  refundId: RefundId
  userId: string
  correlationId: string
  clockId: ClockId | null
  /** What Temporal UI shows of it in lists: `BRL 99.00`. */
  amount?: string
  opening?: RefundOpening
}

export function refundStart(refund: RefundStart) {
  const { projectId, refundId, userId, correlationId, opening, amount } = refund
  const input: RefundInput = {
    version: 1,
    projectId,
    refundId,
    correlationId,
    ...(opening && { opening }),
    ...clockInput(refund.clockId),
  }
  return {
    ...policies,
    workflowId: refundWorkflowId(refundId),
    args: [input] satisfies [RefundInput],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.project, value: projectId },
      { key: searchAttributes.user, value: userId },
      { key: searchAttributes.status, value: 'pending' },
    ]),
    priority: { fairnessKey: projectId },
    staticSummary: `Refund${amount ? ` of ${amount}` : ''} to user ${userId}`,
    staticDetails: `Refund ${refundId} of project ${projectId}.\n\nCorrelation id: ${correlationId}`,
  }
}

export interface DisputeStart extends Omit<DisputeInput, 'version' | 'clock'> {
  userId: string
  clockId: ClockId | null
}

export function disputeStart({ userId, clockId, ...dispute }: DisputeStart) {
  const { projectId, disputeId, stripeDisputeId, correlationId } = dispute
  return {
    ...policies,
    workflowId: disputeWorkflowId(disputeId),
    args: [{ version: 1, ...dispute, ...clockInput(clockId) }] satisfies [DisputeInput],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.project, value: projectId },
      { key: searchAttributes.user, value: userId },
      { key: searchAttributes.status, value: 'needs_response' },
    ]),
    priority: { fairnessKey: projectId },
    staticSummary: `Dispute of user ${userId}`,
    staticDetails: `Dispute ${disputeId} (${stripeDisputeId}) of project ${projectId}.\n\nCorrelation id: ${correlationId}`,
  }
}

export function walletExpiryStart(wallet: {
  projectId: ProjectId
  customerId: CustomerId
  userId: string
  clockId: ClockId | null
}) {
  const { projectId, customerId, userId, clockId } = wallet
  const input: WalletExpiryInput = { version: 1, projectId, customerId, ...clockInput(clockId) }
  return {
    ...policies,
    workflowId: walletExpiryWorkflowId(customerId),
    args: [input] satisfies [WalletExpiryInput],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.project, value: projectId },
      { key: searchAttributes.user, value: userId },
    ]),
    priority: { fairnessKey: projectId },
    staticSummary: `Expiry of credits of user ${userId}`,
  }
}

export function topUpStart(topUp: {
  projectId: ProjectId
  paymentId: PaymentId
  userId: string
  correlationId: string
}) {
  const { projectId, paymentId, userId, correlationId } = topUp
  return {
    ...policies,
    workflowId: topUpWorkflowId(paymentId),
    args: [{ version: 1, projectId, paymentId, correlationId }] satisfies [TopUpInput],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.project, value: projectId },
      { key: searchAttributes.user, value: userId },
      { key: searchAttributes.status, value: 'requested' },
    ]),
    priority: { fairnessKey: projectId },
    staticSummary: `Credits of user ${userId} are topped up`,
    staticDetails: `Payment ${paymentId} of project ${projectId}.\n\nCorrelation id: ${correlationId}`,
  }
}

export function catalogStart(projectId: ProjectId) {
  return {
    ...policies,
    workflowId: catalogWorkflowId(projectId),
    args: [{ version: 1, projectId }] satisfies [CatalogInput],
    typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.project, value: projectId }]),
    priority: { fairnessKey: projectId },
    staticSummary: 'Prices of plans and products at Stripe',
  }
}

export function reconcileStart(reconciliationId: string, requestedBy: string) {
  return {
    ...policies,
    workflowId: reconcileWorkflowId(reconciliationId),
    args: [{ version: 1, requestedBy, callsAtMost: CALLS_AT_MOST }] satisfies [ReconcileInput],
    typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.status, value: 'running' }]),
    staticSummary: "Comparison of Stripe's books with ours",
  }
}
