import type { Account } from '../account.ts'
import { badParameter, missingParameter, notSupportedHere } from '../http/errors.ts'
import {
  boolean,
  currency,
  hash,
  metadata,
  nowOrTimestamp,
  oneOf,
  text,
  timestamp,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'
import {
  nothingUpcoming,
  previewCancellation,
  previewChange,
  previewRenewal,
  previewResumption,
} from '../processes/previewing.ts'
import { periodEndsOf } from '../processes/subscription-status.ts'
import { given } from './find.ts'
import { billingCycleAnchor, cancelAt, changedItems } from './subscription-update-parameters.ts'
import { changeOf } from './subscription-updates.ts'

const detailsShape = {
  billing_cycle_anchor: billingCycleAnchor,
  billing_mode: unsupported(),
  billing_schedules: unsupported(),
  cancel_at: cancelAt,
  cancel_at_period_end: boolean(),
  cancel_now: boolean(),
  default_tax_rates: unsupported(),
  items: changedItems,
  metadata: metadata(),
  pause: unsupported(),
  proration_behavior: oneOf('always_invoice', 'create_prorations', 'none'),
  proration_date: timestamp(),
  resume_at: oneOf('now'),
  start_date: unsupported(),
  trial_end: nowOrTimestamp(),
}

const shape = {
  automatic_tax: unsupported(),
  currency: currency(),
  customer: text(),
  customer_account: unsupported(),
  customer_details: unsupported(),
  discounts: unsupported(),
  invoice_items: unsupported(),
  issuer: unsupported(),
  on_behalf_of: unsupported(),
  preview_mode: oneOf('next'),
  schedule: unsupported(),
  schedule_details: unsupported(),
  subscription: text(),
  subscription_details: hash(detailsShape),
}

function preview(account: Account, params: Parsed<typeof shape>): Invoice {
  const subscription =
    params.subscription === undefined
      ? nextToRenew(account, params)
      : given(account.subscriptions, params.subscription, 'subscription', 'subscription')
  if (params.customer !== undefined && params.customer !== subscription.customer)
    throw badParameter('The subscription does not belong to the customer.', { param: 'subscription' })
  const details = params.subscription_details
  if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
    throw nothingUpcoming(subscription.customer)
  if (!details) return previewRenewal(account, subscription)
  if (details.cancel_now)
    return previewCancellation(account, subscription, details.proration_behavior !== 'none')
  if (details.resume_at)
    return previewResumption(account, subscription, {
      resetsAnchor: details.billing_cycle_anchor !== 'unchanged',
      prorations: details.proration_behavior ?? 'create_prorations',
      prorationDate: details.proration_date,
    })
  return previewChange(
    account,
    subscription,
    changeOf(account, subscription, details, 'subscription_details'),
  )
}

/** Without a subscription Stripe shows what comes first among those of the customer. */
function nextToRenew(account: Account, params: Parsed<typeof shape>): Subscription {
  if (params.customer === undefined) throw missingParameter('customer')
  if (params.subscription_details?.items)
    throw notSupportedHere('the preview of a new subscription', 'subscription_details[items]')
  const { id } = given(account.customers, params.customer, 'customer', 'customer')
  const endOf = (subscription: Subscription): number => Math.min(...periodEndsOf(account, subscription))
  const [first] = account.subscriptions
    .where('customer', id)
    .filter(({ status }) => status === 'active' || status === 'trialing' || status === 'past_due')
    .toSorted((a, b) => endOf(a) - endOf(b))
  if (!first) throw nothingUpcoming(id)
  return first
}

/** All of it is rehearsed, down to the prices that the request describes: a preview leaves no trace. */
export const invoicePreviewRoutes = [
  route('POST', '/v1/invoices/create_preview', shape, ({ account, params }) =>
    account.rehearse(() => preview(account, params)),
  ),
]
