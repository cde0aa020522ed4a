import type { Account } from '../account.ts'
import { StripeError } from '../http/errors.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'
import { draftUpdateInvoice } from './billing-changes.ts'
import { settle } from './canceling.ts'
import { writeChange } from './changing-subscription.ts'
import { asUpcoming } from './invoicing.ts'
import { planResumption, type Resumption } from './pausing.ts'
import { planChange, type SubscriptionChange } from './planning-change.ts'
import { upcomingInvoice } from './renewing.ts'

// Whoever previews rehearses: each of these does what is previewed, as far as the draft of its invoice. A preview
// and what follows it therefore cannot differ.

/** The invoice that a change would make: its own where it is billed at once, otherwise the next renewal's with all that
 *  the change adds to it. */
export function previewChange(
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
): Invoice {
  const plan = planChange(account, subscription, change)
  const invoice = writeChange(account, subscription, change, plan)
  return invoice ? shown(account, subscription, invoice) : previewRenewal(account, subscription)
}

/** The next invoice of a subscription that nobody changes. */
export function previewRenewal(account: Account, subscription: Subscription): Invoice {
  const upcoming = upcomingInvoice(account, subscription)
  if (!upcoming) throw nothingUpcoming(subscription.customer)
  return upcoming
}

/** The last invoice of a subscription that is ended now. */
export const previewCancellation = (
  account: Account,
  subscription: Subscription,
  prorate: boolean,
): Invoice => shown(account, subscription, settle(account, subscription, { prorate, invoiceNow: true }))

/** The invoice that a paused subscription waits for when it is resumed. */
export function previewResumption(
  account: Account,
  subscription: Subscription,
  resumption: Resumption,
): Invoice {
  const plan = planResumption(account, subscription, resumption)
  const draft = plan.billsNow ? draftUpdateInvoice(account, subscription, plan) : undefined
  return shown(account, subscription, draft)
}

function shown(account: Account, { customer }: Subscription, draft: Invoice | undefined): Invoice {
  if (!draft) throw nothingUpcoming(customer)
  return asUpcoming(draft, account.customers.must(customer))
}

/** https://docs.stripe.com/error-codes#invoice-upcoming-none */
export const nothingUpcoming = (customer: string): StripeError =>
  new StripeError(404, {
    type: 'invalid_request_error',
    code: 'invoice_upcoming_none',
    message: `No upcoming invoices for customer: ${customer}`,
  })
