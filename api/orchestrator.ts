import { setTimeout as pause } from 'node:timers/promises'
import { type Client, WithStartWorkflowOperation } from '@temporalio/client'
import { BillingError } from '../domain/errors.ts'
import type { ClockId, ProjectId } from '../domain/ids.ts'
import type { PaymentMethodChange } from '../domain/payment-methods.ts'
import { openCheckout } from '../inbox/open-checkout.ts'
import {
  catalogStart,
  type CheckoutStart,
  type PaymentMethodStart,
  paymentMethodStart,
  refundStart,
  type RefundStart,
  reconcileStart,
  subscriptionStart,
  type SubscriptionStart,
  testClockStart,
} from '../inbox/starts.ts'
import { translateUpdateError } from '../inbox/update-errors.ts'
import {
  advanceTestClock,
  catalogPublished,
  changePaymentMethod,
  type CommandRequest,
  type OpenedSession,
  openSetupPage,
  refundDecided,
  refundTried,
  type SetupPageRequest,
  testClockOpened,
} from '../workflows/messages.ts'

/** What the API asks of workflows. */
export interface Orchestrator {
  /** Starts the checkout of a payment, or finds it, and answers with its payment page.
   *  @throws BillingError; one that may be retried means that the work goes on by itself. */
  openCheckout(payment: CheckoutStart): Promise<OpenedSession>
  /** Starts to publish a project's prices at the provider and waits a moment for it. */
  publishCatalog(projectId: ProjectId): Promise<void>
  /** Has a subscription do something, and waits until it is done. Asked again with the same id, it is not done again.
   *  @throws BillingError with why it was refused; one that may be retried means that the work goes on by itself. */
  command(subscription: SubscriptionStart, command: SubscriptionUpdate, updateId: string): Promise<void>
  /** Opens a page on which a customer saves a card. Asked again with the same id, it is the same page. */
  openSetupPage(
    customer: PaymentMethodStart,
    request: SetupPageRequest,
    updateId: string,
  ): Promise<{ setupUrl: string }>
  /** Changes something about a customer's cards, and waits until it is done. Asked again with the same id, it is not done again. */
  changePaymentMethod(
    customer: PaymentMethodStart,
    request: { change: PaymentMethodChange; by: string; correlationId: string },
    updateId: string,
  ): Promise<{ paymentMethodId: string }>
  /** Starts to look after a refund, or finds that somebody does. */
  startRefund(refund: RefundStart): Promise<void>
  /** The same, and waits some seconds until Stripe has been asked. What takes longer goes on by itself. */
  tryRefund(refund: RefundStart): Promise<void>
  /** Tells that a second person has decided. */
  tellRefund(refund: RefundStart): Promise<void>
  /** Makes a test clock at the provider. */
  openTestClock(projectId: ProjectId, clockId: ClockId): Promise<void>
  /** Moves a test clock, and answers when it has begun to move. */
  advanceTestClock(
    projectId: ProjectId,
    clockId: ClockId,
    advance: { targetTime: number; updateId: string },
  ): Promise<void>
  /** Has a comparison run that is written down, unless it does. */
  reconcile(reconciliationId: string, requestedBy: string): Promise<void>
  isReachable(): Promise<boolean>
}

export type SubscriptionUpdate =
  | {
      kind: 'changePlan'
      args: CommandRequest & { plan_id: string; when: 'now' | 'period_end'; quantity?: number }
    }
  | { kind: 'cancel'; args: CommandRequest & { at: 'now' | 'period_end' } }
  | { kind: 'resume'; args: CommandRequest }
  | { kind: 'pause'; args: CommandRequest & { until?: string } }
  | { kind: 'retryPayment'; args: CommandRequest }

/** Below the 10 seconds after which HTTP clients commonly give up. */
const CHECKOUT_DEADLINE_MS = 8_000
/** When a checkout is still not open by then, we find out whether anybody is there to open it. */
const CHECKOUT_PATIENCE_MS = 1_500
/** The first checkout publishes what it needs anyway, so nobody waits long for the rest. */
const CATALOG_DEADLINE_MS = 2_000
/** A command charges at most a few cards. Beyond this the caller asks again and gets the same answer. */
const COMMAND_DEADLINE_MS = 9_000
const HEALTH_DEADLINE_MS = 1_000

export function createOrchestrator(temporal: Client): Orchestrator {
  return {
    openCheckout(payment) {
      const opened = openCheckout(temporal, payment, { deadline_ms: CHECKOUT_DEADLINE_MS })
      const done = new AbortController()
      const settled = opened.finally(() => done.abort())
      return Promise.race([settled, noticeAbsence(payment, done.signal).then(() => settled)])
    },

    async publishCatalog(projectId) {
      await temporal.withDeadline(Date.now() + CATALOG_DEADLINE_MS, () =>
        temporal.workflow.executeUpdateWithStart(catalogPublished, {
          startWorkflowOperation: new WithStartWorkflowOperation('catalog', catalogStart(projectId)),
        }),
      )
    },

    async command(subscription, { kind, args }, updateId) {
      await ask({ subscription_id: subscription.subscriptionId }, () =>
        temporal.workflow.executeUpdateWithStart(kind, {
          args: [args],
          updateId,
          // It runs already; should somebody have ended it, this brings it back.
          startWorkflowOperation: new WithStartWorkflowOperation(
            'subscription',
            subscriptionStart(subscription),
          ),
        }),
      )
    },

    async openSetupPage(customer, request, updateId) {
      return ask({}, () =>
        temporal.workflow.executeUpdateWithStart(openSetupPage, {
          args: [request],
          updateId,
          startWorkflowOperation: new WithStartWorkflowOperation(
            'paymentMethod',
            paymentMethodStart(customer),
          ),
        }),
      )
    },

    async changePaymentMethod(customer, request, updateId) {
      return ask({}, () =>
        temporal.workflow.executeUpdateWithStart(changePaymentMethod, {
          args: [request],
          updateId,
          startWorkflowOperation: new WithStartWorkflowOperation(
            'paymentMethod',
            paymentMethodStart(customer),
          ),
        }),
      )
    },

    startRefund: (start) => unlessUnreachable(() => temporal.workflow.start('refund', refundStart(start))),

    async tryRefund(start) {
      await unlessUnreachable(() =>
        temporal.workflow.executeUpdateWithStart(refundTried, {
          startWorkflowOperation: new WithStartWorkflowOperation('refund', refundStart(start)),
        }),
      )
    },

    tellRefund: (start) =>
      unlessUnreachable(() =>
        temporal.workflow.signalWithStart('refund', { ...refundStart(start), signal: refundDecided }),
      ),

    async openTestClock(projectId, clockId) {
      await ask({ test_clock_id: clockId }, () =>
        temporal.workflow.executeUpdateWithStart(testClockOpened, {
          startWorkflowOperation: new WithStartWorkflowOperation(
            'testClock',
            testClockStart(projectId, clockId),
          ),
        }),
      )
    },

    async advanceTestClock(projectId, clockId, { targetTime, updateId }) {
      await ask({ test_clock_id: clockId }, () =>
        temporal.workflow.executeUpdateWithStart(advanceTestClock, {
          args: [{ targetTime }],
          updateId,
          startWorkflowOperation: new WithStartWorkflowOperation(
            'testClock',
            testClockStart(projectId, clockId),
          ),
        }),
      )
    },

    async reconcile(reconciliationId, requestedBy) {
      await ask(
        { reconciliation_id: reconciliationId },
        () => temporal.workflow.start('reconcile', reconcileStart(reconciliationId, requestedBy)),
        CATALOG_DEADLINE_MS,
      )
    },

    isReachable,
  }

  /** Has Temporal do something while a caller waits for it.
   *  @throws what it answers, as an error of ours with these facts. */
  async function ask<Answer>(
    facts: Record<string, string>,
    call: () => Promise<Answer>,
    deadline_ms = COMMAND_DEADLINE_MS,
  ): Promise<Answer> {
    try {
      return await temporal.withDeadline(Date.now() + deadline_ms, call)
    } catch (error) {
      throw translateUpdateError(error, facts)
    }
  }

  /** What is written is taken up by the sweep, should nobody be reached now: the caller has been heard. */
  async function unlessUnreachable(call: () => Promise<unknown>): Promise<void> {
    try {
      await ask({}, call)
    } catch (error) {
      if (!(error instanceof BillingError) || !error.retryable) throw error
    }
  }

  /** Temporal's client tries again until the deadline. While Temporal is away, callers should not all wait that long.
   *  @throws BillingError `orchestrator_unavailable`. */
  async function noticeAbsence({ paymentId }: CheckoutStart, done: AbortSignal): Promise<void> {
    try {
      await pause(CHECKOUT_PATIENCE_MS, undefined, { signal: done })
    } catch {
      return // Aborted: the checkout has been answered.
    }
    if (!(await isReachable()))
      throw new BillingError('orchestrator_unavailable', {
        facts: { payment_id: paymentId },
        retryAfterSeconds: 2,
      })
  }

  async function isReachable(): Promise<boolean> {
    try {
      await temporal.withDeadline(Date.now() + HEALTH_DEADLINE_MS, () =>
        temporal.workflowService.getSystemInfo({}),
      )
      return true
    } catch {
      return false
    }
  }
}
