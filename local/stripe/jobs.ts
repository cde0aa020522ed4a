import type { Account } from './account.ts'
import { bookChargeJob, bookLater } from './processes/charging.ts'
import { expireCheckout, expireSessionJob } from './processes/checkout.ts'
import { expirePendingUpdate } from './processes/changing-subscription.ts'
import {
  collectByItself,
  finalizeByItself,
  finalizeInvoiceJob,
  followOverdueInvoice,
} from './processes/collecting.ts'
import {
  closeOverdueDispute,
  decideByEvidence,
  decideDisputeJob,
  disputeDueJob,
} from './processes/disputing.ts'
import { overdueInvoiceJob } from './processes/invoicing.ts'
import { expirePendingUpdateJob } from './processes/pending-update.ts'
import { announceUpcomingInvoice, renew } from './processes/renewing.ts'
import { moveRefund, moveRefundJob } from './processes/refunding.ts'
import { retryInvoiceJob } from './processes/retrying.ts'
import { endPhaseJob } from './processes/schedule-status.ts'
import { endPhase } from './processes/scheduling.ts'
import { cancelSubscription, expireIncompleteSubscription } from './processes/subscribing.ts'
import {
  cancelJob,
  expireIncompleteJob,
  renewJob,
  resumeCollection,
  resumeCollectionJob,
  trialNoticeJob,
  upcomingInvoiceJob,
} from './processes/subscription-status.ts'
import { advanceClock, advanceClockJob, deleteClock, deleteClockJob } from './processes/test-clocks.ts'
import type { Jobs } from './store/agenda.ts'

/** All that happens by itself. Of what is due in the same second the first named comes first: what ends is over before
 *  anything is renewed, and an invoice is tried once more before the next period is billed. */
export const jobsOf = (account: Account): Jobs => ({
  [bookChargeJob]: (id) => bookLater(account, id),
  [decideDisputeJob]: (id) => decideByEvidence(account, id),
  [disputeDueJob]: (id) => closeOverdueDispute(account, id),
  [moveRefundJob]: (id) => moveRefund(account, id),
  [expireSessionJob]: (id) => {
    const session = account.checkoutSessions.get(id)
    if (session?.status === 'open') expireCheckout(account, session)
  },
  [expireIncompleteJob]: (id) => expireIncompleteSubscription(account, id),
  [expirePendingUpdateJob]: (id) => expirePendingUpdate(account, id),
  [finalizeInvoiceJob]: (id) => finalizeByItself(account, id),
  [overdueInvoiceJob]: (id) => followOverdueInvoice(account, id),
  [retryInvoiceJob]: (id) => {
    const due = account.invoices.get(id)?.next_payment_attempt ?? null
    if (due !== null) collectByItself(account, id)
  },
  [cancelJob]: (id) => {
    const subscription = account.subscriptions.get(id)
    if (subscription && subscription.status !== 'canceled')
      cancelSubscription(account, subscription, subscription.cancellation_details)
  },
  [resumeCollectionJob]: (id) => resumeCollection(account, id),
  [renewJob]: (id) => renew(account, id),
  [endPhaseJob]: (id) => endPhase(account, id),
  [upcomingInvoiceJob]: (id) => announceUpcomingInvoice(account, id),
  [trialNoticeJob]: (id) => {
    const subscription = account.subscriptions.get(id)
    if (subscription?.status === 'trialing')
      account.emit('customer.subscription.trial_will_end', subscription)
  },
  [advanceClockJob]: (id) => advanceClock(account, id),
  [deleteClockJob]: (id) => {
    const clock = account.testClocks.get(id)
    if (clock) deleteClock(account, clock)
  },
})
