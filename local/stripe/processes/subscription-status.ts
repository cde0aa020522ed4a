import type { Account } from '../account.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'

export const expireIncompleteJob = 'expire_incomplete_subscription'

export const cancelJob = 'cancel_subscription'

/** A paid invoice makes an incomplete subscription active, and one that was behind if it is the latest.
 *  Checkout also makes the card that paid the subscription's own, which `save_default_payment_method` asks for elsewhere. */
export function followPaidInvoice(account: Account, invoice: Invoice, card: string | null): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (!subscription || subscription.latest_invoice !== invoice.id) return
  if (subscription.status !== 'incomplete' && subscription.status !== 'past_due') return
  account.agenda.cancel(expireIncompleteJob, subscription.id)
  const fromCheckout = account.checkoutSessions.where('subscription', subscription.id).length > 0
  const keepsCard =
    fromCheckout || subscription.payment_settings.save_default_payment_method === 'on_subscription'
  const previous = account.subscriptions.change(subscription, {
    status: 'active',
    ...(subscription.status === 'incomplete' && keepsCard && { default_payment_method: card }),
  })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** The latest invoice of an active subscription could not be collected. */
export function followFailedInvoice(account: Account, invoice: Invoice): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (subscription?.status !== 'active' || subscription.latest_invoice !== invoice.id) return
  const previous = account.subscriptions.change(subscription, { status: 'past_due' })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** When the current period of each item ends. */
export const periodEndsOf = (account: Account, subscription: Subscription): number[] =>
  account.subscriptionItems.where('subscription', subscription.id).map((item) => item.current_period_end)

/** Plans a cancellation, or takes it back. The caller tells the world. */
export function planCancellation(
  account: Account,
  subscription: Subscription,
  at: number | 'period_end' | null,
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
  const cancelAt = at === 'period_end' ? Math.min(...periodEndsOf(account, subscription)) : at
  account.agenda.plan(cancelJob, subscription.id, cancelAt)
  account.subscriptions.change(subscription, {
    cancel_at: cancelAt,
    cancel_at_period_end: at === 'period_end',
    canceled_at: now,
    cancellation_details: { ...subscription.cancellation_details, reason: 'cancellation_requested' },
  })
}
