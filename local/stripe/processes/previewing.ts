import type { Account } from '../account.ts'
import { StripeError } from '../http/errors.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'
import { writeChange } from './changing-subscription.ts'
import { asUpcoming } from './invoicing.ts'
import { planChange, type SubscriptionChange } from './planning-change.ts'
import { upcomingInvoice } from './renewing.ts'

/** The invoice that a change would make: its own where it is billed at once, otherwise the next renewal's with all that
 *  the change adds to it. The change is rehearsed, so a preview and what follows it cannot differ. */
export const previewChange = (
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
): Invoice =>
  account.rehearse(() => {
    const plan = planChange(account, subscription, change)
    const invoice = writeChange(account, subscription, change, plan)
    if (!invoice) return renewalOf(account, subscription)
    return asUpcoming(invoice, account.customers.must(invoice.customer))
  })

/** The next invoice of a subscription that nobody changes. */
export const previewRenewal = (account: Account, subscription: Subscription): Invoice =>
  account.rehearse(() => renewalOf(account, subscription))

function renewalOf(account: Account, subscription: Subscription): Invoice {
  const upcoming = upcomingInvoice(account, subscription)
  if (!upcoming) throw nothingUpcoming(subscription.customer)
  return upcoming
}

/** https://docs.stripe.com/error-codes#invoice-upcoming-none */
export const nothingUpcoming = (customer: string): StripeError =>
  new StripeError(404, {
    type: 'invalid_request_error',
    code: 'invoice_upcoming_none',
    message: `No upcoming invoices for customer: ${customer}`,
  })
