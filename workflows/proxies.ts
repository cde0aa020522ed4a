import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow'
import type { RecordActivities, StripeActivities } from '../activities/index.ts'
import type { ReconcileActivities } from '../activities/reconcile/index.ts'
import { STRIPE_TASK_QUEUE } from './ids.ts'

/** Timeouts and retries, per dependency. Trouble with a connection is waited out for ever, with a cap on the wait; a real
 *  answer ends the retries at once (`failures.ts` marks it as final). */

const callOfStripe = <Name extends keyof StripeActivities>(name: Name, summary: string) =>
  proxyActivities<StripeActivities>({
    summary,
    taskQueue: STRIPE_TASK_QUEUE,
    startToCloseTimeout: '2 minutes',
    // A worker that dies is noticed by its silence, not by the timeout.
    heartbeatTimeout: '8 seconds',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  })[name]

/** Each with the line that operators read in Temporal UI. */
export const stripe = {
  openCheckout: callOfStripe('openCheckout', 'Open the payment page'),
  readCheckout: callOfStripe('readCheckout', 'See what came of the payment page'),
  lookAtCase: callOfStripe('lookAtCase', 'See how the unpaid invoice stands'),
  attemptPayment: callOfStripe('attemptPayment', 'Try to collect the unpaid invoice'),
  runCommand: callOfStripe('runCommand', 'Do what was asked for'),
  voidInvoices: callOfStripe('voidInvoices', 'Make open invoices of the ended subscription void'),
  openSetupPage: callOfStripe('openSetupPage', 'Open the page to save a card'),
  followSetupPage: callOfStripe('followSetupPage', 'See whether a card was saved'),
  changePaymentMethod: callOfStripe('changePaymentMethod', 'Change the saved cards'),
  openRefund: callOfStripe('openRefund', 'See what the refund is about'),
  followRefund: callOfStripe('followRefund', 'Give the money back, or see how it stands'),
  skipRefund: callOfStripe('skipRefund', 'Give the refund up, unless Stripe has made it'),
  followDispute: callOfStripe('followDispute', 'See how the dispute stands'),
  chargeTopUp: callOfStripe('chargeTopUp', 'Charge the saved card for a pack of credits'),
  openTestClock: callOfStripe('openTestClock', 'Make the test clock'),
  publishCatalog: callOfStripe('publishCatalog', 'Make the prices of plans and products'),
}

type RecordName = keyof RecordActivities

/** One short transaction each: local, which costs one history event instead of three and no trip to the server. And the same
 *  as ordinary activities: while they wait for the database, an operator sees them and the history does not grow. */
const recording = <Name extends RecordName>(name: Name, summary: string) =>
  [
    proxyLocalActivities<RecordActivities>({
      summary,
      startToCloseTimeout: '20 seconds',
      retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumAttempts: 5 },
    })[name],
    proxyActivities<RecordActivities>({
      summary,
      startToCloseTimeout: '20 seconds',
      heartbeatTimeout: '8 seconds',
      retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds' },
    })[name],
  ] as const

const LOOK = 'See how the subscription stands'

/** Locally first. A local activity that goes on failing keeps its workflow task alive with three events every eight
 *  seconds, so a database that is gone for two days would end every waiting workflow at the limit of its history. */
export const record: RecordActivities = {
  recordCheckout: persevering(...recording('recordCheckout', 'Write what came of the payment')),
  recordRefusal: persevering(...recording('recordRefusal', 'Write that Stripe refused to open the page')),
  recordDunningStep: persevering(...recording('recordDunningStep', 'Write this step of the case')),
  leaveExhausted: persevering(...recording('leaveExhausted', 'Write that it is not to be ended')),
  remindOfDispute: persevering(...recording('remindOfDispute', 'Remind the project of the evidence')),
  recordTrialNotice: persevering(...recording('recordTrialNotice', 'Tell the customer that the trial ends')),
  reportClockDeadline: persevering(
    ...recording('reportClockDeadline', 'Tell the test clock when to wake it'),
  ),
  forgetClockDeadline: persevering(
    ...recording('forgetClockDeadline', 'Tell the test clock that it has ended'),
  ),
  setTestClock: persevering(...recording('setTestClock', 'Write where the clock is to go')),
  followSubscription: persevering(
    proxyLocalActivities<RecordActivities>({
      summary: LOOK,
      startToCloseTimeout: '15 seconds',
      retry: { initialInterval: '500ms', maximumAttempts: 2 },
    }).followSubscription,
    callOfStripe('followSubscription', LOOK),
  ),
  watchWallet: persevering(...recording('watchWallet', 'Write which credits have expired')),
  skipTopUp: persevering(...recording('skipTopUp', 'Write that the top-up was left out')),
  recordOperatorAction: persevering(...recording('recordOperatorAction', 'Write what the operator decided')),
}

function persevering<Input, Result>(
  atOnce: (input: Input) => Promise<Result>,
  patiently: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    try {
      return await atOnce(input)
    } catch (error) {
      if (isCancellation(error) || isFinal(error)) throw error
      return patiently(input)
    }
  }
}

/** A real answer, which asking again would only repeat. */
function isFinal(error: unknown): boolean {
  // A local activity fails as itself, an ordinary one inside an `ActivityFailure`.
  const cause = error instanceof ActivityFailure ? error.cause : error
  return cause instanceof ApplicationFailure && cause.nonRetryable === true
}

/** Plays a test clock: long, and it tells how far it has come by its heartbeat. */
export const playTestClock = proxyActivities<StripeActivities>({
  summary: 'Play the clock, deadline by deadline',
  taskQueue: STRIPE_TASK_QUEUE,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
}).playTestClock

/** Compares for some seconds at a time. On Stripe's own queue, where it stands in line with everything else. */
const comparison = proxyActivities<ReconcileActivities>({
  taskQueue: STRIPE_TASK_QUEUE,
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
})
export const { beginReconciling } = comparison
export const reconcileStep = (
  input: Parameters<ReconcileActivities['reconcileStep']>[0],
  summary: string,
): ReturnType<ReconcileActivities['reconcileStep']> =>
  comparison.reconcileStep.executeWithOptions({ summary }, [input])
