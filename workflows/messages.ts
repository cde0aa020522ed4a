import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { CheckoutSnapshot, PaymentStatus } from '../domain/checkout.ts'
import type { DisputeStatus } from '../domain/disputes.ts'
import type { TopUpStatus } from '../domain/credits.ts'
import type { DunningStatus } from '../domain/dunning.ts'
import type {
  ClockId,
  CustomerId,
  DisputeId,
  PaymentId,
  ProjectId,
  RefundId,
  SubscriptionId,
} from '../domain/ids.ts'
import type { PaymentMethodChange } from '../domain/payment-methods.ts'
import type { RefundOpening, RefundStatus } from '../domain/refunds.ts'
import type { KnownSubscription, SubscriptionStatus } from '../domain/subscription.ts'
import type { ReconciliationStatus } from '../domain/reconciliation.ts'
import type { ClockInput } from './clock.ts'

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

/** A subscription by all its names. */
export interface SubscriptionSubject {
  projectId: ProjectId
  subscriptionId: SubscriptionId
  paymentId: PaymentId
  stripeSubscriptionId: string
}

export interface SubscriptionInput extends SubscriptionSubject {
  version: 1
  correlationId: string
  /** Events that earlier runs have already acted on. */
  seenEventIds: string[]
  /** What the run before this one last recorded; without it, the first thing to do is to look. */
  known?: KnownSubscription
  /** Unpaid invoices whose cases have been started. */
  startedCases?: string[]
  /** The end of the trial that has been announced. */
  announcedTrialEnd?: number
  clock?: ClockInput
}

/** The cards of a customer. */
export interface PaymentMethodInput {
  version: 1
  projectId: ProjectId
  customerId: CustomerId
  /** Open pages on which a card may be saved, each with when to look at it (milliseconds since 1970). */
  pages: [sessionId: string, lookAt: number][]
}
export interface SetupPageRequest {
  successUrl: string
  cancelUrl: string
  by: string
  correlationId: string
}
/** Opens a page on which the customer saves a card. */
export const openSetupPage = defineUpdate<{ setupUrl: string }, [SetupPageRequest]>('openSetupPage')
/** Adds a card, removes one, or makes one the one to charge. Answers when it is done. */
export const changePaymentMethod = defineUpdate<
  { paymentMethodId: string },
  [{ change: PaymentMethodChange; by: string; correlationId: string }]
>('changePaymentMethod')

export interface CatalogInput {
  version: 1
  projectId: ProjectId
}
/** Waits until every plan and product of the project has its price at the provider. */
export const catalogPublished = defineUpdate<void>('catalogPublished')

/** The credits of a customer that can expire. */
export interface WalletExpiryInput {
  version: 1
  projectId: ProjectId
  customerId: CustomerId
  clock?: ClockInput
}
/** Credits have come that can expire. */
export const walletChanged = defineSignal('walletChanged')

export interface TopUpInput {
  version: 1
  projectId: ProjectId
  /** Of the payment that it is. */
  paymentId: PaymentId
  correlationId: string
}

/** The clock of test mode has moved. */
export const clockTicked = defineSignal<[{ now: number }]>('clockTicked')

/** Something about an unpaid invoice of a subscription has changed: between its workflow and that of the case. */
export interface CaseChanged {
  invoiceId: string
  /** Told by the case's own workflow, which has come to its end. */
  hasEnded: boolean
}
export const caseChanged = defineSignal<[CaseChanged]>('caseChanged')

export interface DunningInput extends SubscriptionSubject {
  version: 1
  invoiceId: string
  correlationId: string
  clock?: ClockInput
  /** Events that earlier runs have already acted on. */
  seenEventIds: string[]
}

export interface RefundInput {
  version: 1
  projectId: ProjectId
  refundId: RefundId
  correlationId: string
  /** Of a refund that nobody has asked us for: the workflow writes its row. */
  opening?: RefundOpening
  clock?: ClockInput
}
/** A second person has decided: the row says what. */
export const refundDecided = defineSignal('decided')
/** Waits until Stripe has been asked, or until it is clear that it is not to be asked yet. */
export const refundTried = defineUpdate<void>('tried')

export interface DisputeInput {
  version: 1
  projectId: ProjectId
  disputeId: DisputeId
  stripeDisputeId: string
  /** Whose charge it is about. */
  ownerId: PaymentId | SubscriptionId
  correlationId: string
  clock?: ClockInput
}

export interface TestClockInput {
  version: 1
  projectId: ProjectId
  clockId: ClockId
}
/** Waits until the clock is there at Stripe. */
export const testClockOpened = defineUpdate<void>('opened')
/** Moves the clock to a time (milliseconds since 1970). Answers when it has begun to move. */
export const advanceTestClock = defineUpdate<void, [{ targetTime: number }]>('advance')

/** A comparison of Stripe's books with ours. Its id is the rest of the workflow's: a schedule names each run by its time. */
export interface ReconcileInput {
  version: 1
  /** An operator, or `schedule`. */
  requestedBy: string
  /** Calls of Stripe's API in one run; the next goes on where they ended. */
  callsAtMost: number
}

/** Who asks for a command, and why: both go into the audit. */
export interface CommandRequest {
  by: string
  reason?: string
}
/** Each answers when it is done, or fails with a code of the error catalogue and what may be done instead. */
export const changePlan = defineUpdate<
  KnownSubscription,
  [CommandRequest & { plan_id: string; when: 'now' | 'period_end'; quantity?: number }]
>('changePlan')
export const cancel = defineUpdate<KnownSubscription, [CommandRequest & { at: 'now' | 'period_end' }]>(
  'cancel',
)
/** The same as `cancel` at once, from a workflow of ours: what asks needs no answer. */
export const cancelNow = defineSignal<[{ commandId: string; by: string; reason: string }]>('cancelNow')
export const resume = defineUpdate<KnownSubscription, [CommandRequest]>('resume')
export const pause = defineUpdate<KnownSubscription, [CommandRequest & { until?: string }]>('pause')
export const retryPayment = defineUpdate<KnownSubscription, [CommandRequest]>('retryPayment')

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
  status:
    | PaymentStatus
    | SubscriptionStatus
    | DunningStatus
    | RefundStatus
    | DisputeStatus
    | TopUpStatus
    | 'publishing'
    | 'published'
    | 'ready'
    | 'advancing'
    | 'watching'
    | ReconciliationStatus
  /** In plain words, as in Temporal UI. */
  waitingFor: string
  /** RFC 3339; the deadline at which it looks by itself. */
  until?: string
  /** Why a person is needed. */
  attention?: string
  lastSeen?: CheckoutSnapshot
}
export const state = defineQuery<WorkflowState>('state')
