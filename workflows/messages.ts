import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { CheckoutSnapshot, PaymentStatus } from '../domain/checkout.ts'
import type { PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { KnownSubscription, SubscriptionStatus } from '../domain/subscription.ts'

/** What can be said to workflows, and what they are started with. Inputs carry a version: they outlive deployments. */

/** Something at Stripe may have changed. A hint: the workflow reads the object itself. */
export interface StripeChanged {
  eventId: string
  objectId: string
}
export const stripeChanged = defineSignal<[StripeChanged]>('stripeChanged')

export interface CheckoutInput {
  version: 1
  projectId: ProjectId
  paymentId: PaymentId
  correlationId: string
}

export interface OpenedSession {
  checkoutSessionId: string
  checkoutUrl: string
}
/** Opens the payment page, or answers with the one that is open. */
export const openSession = defineUpdate<OpenedSession>('openSession')

export interface SubscriptionInput {
  version: 1
  projectId: ProjectId
  subscriptionId: SubscriptionId
  paymentId: PaymentId
  stripeSubscriptionId: string
  correlationId: string
  /** Events that earlier runs have already acted on. */
  seenEventIds: string[]
  /** What the run before this one last recorded; without it, the first thing to do is to look. */
  known?: KnownSubscription
}

export interface CatalogInput {
  version: 1
  projectId: ProjectId
}
/** Waits until every plan and product of the project has its price at the provider. */
export const catalogPublished = defineUpdate<void>('catalogPublished')

/** What an operator sends from Temporal UI; the reason lands in the audit. */
export interface OperatorRequest {
  reason: string
  by: string
}
/** Tries again what the workflow is parked on. */
export const retry = defineUpdate<void, [OperatorRequest]>('retry')
/** Goes on without what the workflow is parked on. */
export const skip = defineUpdate<void, [OperatorRequest]>('skip')

/** What a workflow tells whoever asks: its status, what it waits for, and until when. */
export interface WorkflowState {
  status: PaymentStatus | SubscriptionStatus | 'publishing' | 'published'
  /** In plain words, as in Temporal UI. */
  waitingFor: string
  /** RFC 3339; the deadline at which it looks by itself. */
  until?: string
  /** Why a person is needed. */
  attention?: string
  lastSeen?: CheckoutSnapshot
}
export const state = defineQuery<WorkflowState>('state')
