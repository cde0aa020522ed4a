import type { Account } from '../account.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'
import { applyPendingUpdate, dropPendingUpdate, waitsFor } from './pending-update.ts'

export const expireIncompleteJob = 'expire_incomplete_subscription'
export const cancelJob = 'cancel_subscription'
export const renewJob = 'renew_subscription'
export const upcomingInvoiceJob = 'announce_upcoming_invoice'
export const trialNoticeJob = 'announce_trial_end'
export const resumeCollectionJob = 'resume_collection'

const day = 24 * 60 * 60
const trialNoticeSeconds = 3 * day

/** A paid invoice makes an incomplete subscription active, and one that was behind if it is the latest.
 *  Checkout also makes the card that paid the subscription's own, which `save_default_payment_method` asks for elsewhere. */
export function followPaidInvoice(account: Account, invoice: Invoice, card: string | null): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (subscription?.status !== 'incomplete') return followSettledInvoice(account, invoice)
  if (subscription.latest_invoice !== invoice.id) return
  account.agenda.cancel(expireIncompleteJob, subscription.id)
  const fromCheckout = account.checkoutSessions.where('subscription', subscription.id).length > 0
  const keepsCard =
    fromCheckout || subscription.payment_settings.save_default_payment_method === 'on_subscription'
  const previous = account.subscriptions.change(subscription, {
    status: 'active',
    ...(keepsCard && { default_payment_method: card }),
  })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** Paid or written off, the latest invoice no longer holds a subscription that was behind: it is active again, whatever
 *  older invoices say (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses). */
export function followSettledInvoice(account: Account, invoice: Invoice): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (!subscription) return
  if (applyPendingUpdate(account, subscription, invoice)) return planPeriodEnd(account, subscription)
  if (subscription.latest_invoice !== invoice.id) return
  if (subscription.status !== 'past_due' && subscription.status !== 'unpaid') return
  const previous = account.subscriptions.change(subscription, { status: 'active' })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** The latest invoice of an active subscription could not be collected. */
export function followFailedInvoice(account: Account, invoice: Invoice): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (!subscription) return
  if (applyPendingUpdate(account, subscription, invoice)) return planPeriodEnd(account, subscription)
  if (subscription.status !== 'active' || subscription.latest_invoice !== invoice.id) return
  // What waits for this payment was never given: the subscription goes on as it was.
  if (waitsFor(subscription, invoice)) return
  const previous = account.subscriptions.change(subscription, { status: 'past_due' })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** A change that waited for the invoice will not come. */
export function followVoidedInvoice(account: Account, invoice: Invoice): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (subscription) dropPendingUpdate(account, subscription, invoice)
}

/** When the current period of each item ends. */
export const periodEndsOf = (account: Account, subscription: Subscription): number[] =>
  account.subscriptionItems.where('subscription', subscription.id).map((item) => item.current_period_end)

/** Plans the end of the period, or of the trial, that comes first, and the notice before it. Whatever moves a period
 *  calls this afterwards. */
export function planPeriodEnd(account: Account, subscription: Subscription): void {
  const { id, test_clock } = subscription
  const end = Math.min(...periodEndsOf(account, subscription))
  account.agenda.plan(renewJob, id, end, test_clock)
  if (subscription.cancel_at_period_end && subscription.cancel_at !== end) {
    account.agenda.plan(cancelJob, id, end, test_clock)
    account.subscriptions.change(subscription, { cancel_at: end })
  }
  const notice = end - account.settings.upcoming_invoice_days * day
  if (notice > account.now(subscription)) account.agenda.plan(upcomingInvoiceJob, id, notice, test_clock)
  else account.agenda.cancel(upcomingInvoiceJob, id)
}

/** Announces the end of a trial three days before, and at once where that is already past. */
export function planTrialNotice(account: Account, subscription: Subscription): void {
  const { id, status, trial_end, test_clock } = subscription
  account.agenda.cancel(trialNoticeJob, id)
  if (status !== 'trialing' || trial_end === null) return
  const notice = trial_end - trialNoticeSeconds
  if (notice > account.now(subscription)) account.agenda.plan(trialNoticeJob, id, notice, test_clock)
  else account.emit('customer.subscription.trial_will_end', subscription)
}

/** Plans when a paused collection goes on by itself. */
export function planResumption(account: Account, subscription: Subscription): void {
  const { id, pause_collection: pause, test_clock } = subscription
  if (pause?.resumes_at) account.agenda.plan(resumeCollectionJob, id, pause.resumes_at, test_clock)
  else account.agenda.cancel(resumeCollectionJob, id)
}

/** Collection goes on with the next invoice; drafts that were kept meanwhile stay drafts
 *  (https://docs.stripe.com/billing/subscriptions/pause-payment). */
export function resumeCollection(account: Account, id: string): void {
  const subscription = account.subscriptions.get(id)
  if (!subscription?.pause_collection) return
  const previous = account.subscriptions.change(subscription, { pause_collection: null })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** What has ended has nothing before it. */
export function forgetPlans(account: Account, { id }: Subscription): void {
  for (const job of [
    expireIncompleteJob,
    cancelJob,
    renewJob,
    upcomingInvoiceJob,
    trialNoticeJob,
    resumeCollectionJob,
  ])
    account.agenda.cancel(job, id)
}

/** When a subscription is to end. Its items may have periods that end at different times. */
export type CancellationTime = number | 'period_end' | 'min_period_end' | 'max_period_end'

/** Plans a cancellation, or takes it back. The caller tells the world. */
export function planCancellation(
  account: Account,
  subscription: Subscription,
  at: CancellationTime | null,
): void {
  const now = account.now(subscription)
  if (at === null) {
    account.agenda.cancel(cancelJob, subscription.id)
    account.subscriptions.change(subscription, {
      cancel_at: null,
      cancel_at_period_end: false,
      canceled_at: null,
      cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    })
    return
  }
  const ends = periodEndsOf(account, subscription)
  const atEnd = at === 'max_period_end' ? Math.max(...ends) : Math.min(...ends)
  const cancelAt = typeof at === 'number' ? at : atEnd
  account.agenda.plan(cancelJob, subscription.id, cancelAt, subscription.test_clock)
  account.subscriptions.change(subscription, {
    cancel_at: cancelAt,
    cancel_at_period_end: at === 'period_end',
    canceled_at: now,
    cancellation_details: { ...subscription.cancellation_details, reason: 'cancellation_requested' },
  })
}
