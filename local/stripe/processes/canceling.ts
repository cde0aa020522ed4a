import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'
import { collectNow, draftUpdateInvoice, recordProrations } from './billing-changes.ts'
import { unusedTimeOf } from './prorating.ts'
import { cancelSubscription } from './subscribing.ts'

export interface Settlement {
  /** Gives back the time that was paid for and will not be used. */
  prorate: boolean
  /** Bills what waits for an invoice now; otherwise it goes on waiting. */
  invoiceNow: boolean
}

/** Ends a subscription now, and settles what was paid for or is still to be billed
 *  (https://docs.stripe.com/api/subscriptions/cancel). */
export function cancelAndSettle(
  account: Account,
  subscription: Subscription,
  settlement: Settlement,
  details: Parameters<typeof cancelSubscription>[2] = {},
): void {
  const invoice = settle(account, subscription, settlement)
  if (invoice) {
    account.subscriptions.change(subscription, { latest_invoice: invoice.id })
    collectNow(account, invoice)
  }
  cancelSubscription(account, subscription, details)
}

/** @returns the draft of the last invoice, if there is anything to bill or to give back on it */
export function settle(
  account: Account,
  subscription: Subscription,
  { prorate, invoiceNow }: Settlement,
): Invoice | undefined {
  const runs = subscription.status === 'active' || subscription.status === 'past_due'
  const prorations = prorate && runs ? unusedTimeOf(account, subscription, 'now') : []
  const waits = account.invoiceItems
    .where('customer', subscription.customer)
    .some(
      ({ invoice, parent }) =>
        invoice === null && parent?.subscription_details.subscription === subscription.id,
    )
  if (!invoiceNow || (prorations.length === 0 && !waits)) {
    recordProrations(account, subscription, prorations)
    return undefined
  }
  const items = account.subscriptionItems.where('subscription', subscription.id)
  return draftUpdateInvoice(account, subscription, { fields: {}, items, prorations, restarts: false })
}
