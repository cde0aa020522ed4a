import type { CheckoutSnapshot } from '../domain/checkout.ts'
import { createAttemptPayment } from './attempt-payment.ts'
import { createChangePaymentMethod } from './change-payment-method.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { createFollowDispute, createRemindOfDispute } from './follow-dispute.ts'
import { createFollowRefund } from './follow-refund.ts'
import { createLeaveExhausted } from './leave-exhausted.ts'
import { createLookAtCase, createRecordDunningStep } from './dunning-steps.ts'
import { createChargeTopUp, createSkipTopUp } from './charge-top-up.ts'
import { createFollowSubscription } from './follow-subscription.ts'
import { createOpenCheckout } from './open-checkout.ts'
import { createOpenRefund } from './open-refund.ts'
import { createPublishCatalog } from './publish-catalog.ts'
import { createRecordCheckout, createRecordRefusal } from './record-checkout.ts'
import { createRecordOperatorAction } from './record-operator-action.ts'
import { createRecordTrialNotice } from './record-trial-notice.ts'
import { createRunCommand } from './run-command.ts'
import { createFollowSetupPage, createOpenSetupPage } from './setup-page.ts'
import {
  createForgetDeadline,
  createOpenTestClock,
  createPlayTestClock,
  createReportDeadline,
  createSetTestClock,
} from './test-clocks.ts'
import { createSkipRefund } from './skip-refund.ts'
import { createVoidInvoices } from './void-invoices.ts'
import { createWatchWallet } from './watch-wallet.ts'

/** What workflows may do. Those that call Stripe run on a task queue of their own, held below its rate limit. */

export function createStripeActivities(dependencies: ActivityDependencies) {
  const { provider } = dependencies
  return {
    openCheckout: createOpenCheckout(dependencies),
    publishCatalog: createPublishCatalog(dependencies),
    readCheckout: (checkoutSessionId: string): Promise<CheckoutSnapshot> =>
      provider.readCheckout(checkoutSessionId),
    followSubscription: createFollowSubscription(dependencies),
    lookAtCase: createLookAtCase(dependencies),
    attemptPayment: createAttemptPayment(dependencies),
    runCommand: createRunCommand(dependencies),
    voidInvoices: createVoidInvoices(dependencies),
    openSetupPage: createOpenSetupPage(dependencies),
    followSetupPage: createFollowSetupPage(dependencies),
    changePaymentMethod: createChangePaymentMethod(dependencies),
    openRefund: createOpenRefund(dependencies),
    followRefund: createFollowRefund(dependencies),
    skipRefund: createSkipRefund(dependencies),
    followDispute: createFollowDispute(dependencies),
    chargeTopUp: createChargeTopUp(dependencies),
    openTestClock: createOpenTestClock(dependencies),
    playTestClock: createPlayTestClock(dependencies),
  }
}
export type StripeActivities = ReturnType<typeof createStripeActivities>

/** Short and idempotent, run by the workflow's own worker. */
export function createRecordActivities(dependencies: ActivityDependencies) {
  return {
    recordCheckout: createRecordCheckout(dependencies),
    recordRefusal: createRecordRefusal(dependencies),
    recordDunningStep: createRecordDunningStep(dependencies),
    leaveExhausted: createLeaveExhausted(dependencies),
    remindOfDispute: createRemindOfDispute(dependencies),
    recordTrialNotice: createRecordTrialNotice(dependencies),
    recordOperatorAction: createRecordOperatorAction(dependencies),
    reportClockDeadline: createReportDeadline(dependencies),
    forgetClockDeadline: createForgetDeadline(dependencies),
    setTestClock: createSetTestClock(dependencies),
    watchWallet: createWatchWallet(dependencies),
    skipTopUp: createSkipTopUp(dependencies),
    // A look at Stripe is short as well. Where it is not, the same runs on Stripe's own queue.
    followSubscription: createFollowSubscription(dependencies),
  }
}
export type RecordActivities = ReturnType<typeof createRecordActivities>
