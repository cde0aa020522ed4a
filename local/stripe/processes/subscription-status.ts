import type { Account } from '../account.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'

export const expireIncompleteJob = 'expire_incomplete_subscription'

/** A paid first invoice makes an incomplete subscription active.
 *  Checkout also makes the card that paid the subscription's own, which `save_default_payment_method` asks for elsewhere. */
export function followPaidInvoice(account: Account, invoice: Invoice, card: string | null): void {
  const subscription = account.subscriptions.get(subscriptionOf(invoice) ?? '')
  if (!subscription || subscription.status !== 'incomplete') return
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
