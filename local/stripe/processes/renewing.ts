import type { Account } from '../account.ts'
import { newInvoice, type Invoice } from '../objects/invoice.ts'
import type { InvoiceItem } from '../objects/invoice-item.ts'
import { invoiceItemLine } from '../objects/line-item.ts'
import type { Subscription } from '../objects/subscription.ts'
import type { SubscriptionItem } from '../objects/subscription-item.ts'
import { present } from '../present.ts'
import { setAutoAdvance } from './collecting.ts'
import { withDiscounts } from './discounts.ts'
import {
  asUpcoming,
  draftInvoice,
  finalizeInvoice,
  markUncollectible,
  setLines,
  totalsOf,
  voidInvoice,
} from './invoicing.ts'
import { periodAround } from './prorating.ts'
import { notByItself } from './retrying.ts'
import { startDuePhase } from './scheduling.ts'
import { cancelSubscription, defaultCardOf } from './subscribing.ts'
import { fullPeriodLine } from './subscription-lines.ts'
import { forgetPlans, periodEndsOf, planPeriodEnd } from './subscription-status.ts'
import { withTaxes } from './taxes.ts'

const renewed = new Set(['trialing', 'active', 'past_due', 'unpaid'])

/** The period of a subscription is over, or its trial: the next begins, and is billed
 *  (https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle). */
export function renew(account: Account, id: string): void {
  const subscription = account.subscriptions.get(id)
  if (!subscription || !renewed.has(subscription.status)) return
  const now = account.now(subscription)
  if (subscription.cancel_at !== null && subscription.cancel_at <= now)
    return cancelSubscription(account, subscription, subscription.cancellation_details)
  const endsTrial = subscription.status === 'trialing'
  if (endsTrial && !hasCard(account, subscription)) {
    const { missing_payment_method: then } = subscription.trial_settings.end_behavior
    if (then === 'cancel') return cancelSubscription(account, subscription, {}, 'payment_failed')
    if (then === 'pause') return pauseAfterTrial(account, subscription)
  }
  const before = present(account, subscription)
  startDuePhase(account, subscription, now)
  const items = dueItems(account, subscription, now)
  if (items.length === 0) {
    account.emit('customer.subscription.updated', subscription, before)
    return planPeriodEnd(account, subscription)
  }
  const start = Math.min(...items.map((item) => item.current_period_start))
  for (const item of items) beginNextPeriod(account, subscription, item)
  if (endsTrial) account.subscriptions.change(subscription, { status: 'active' })
  const invoice = draftRenewal(account, subscription, items, { start, end: now })
  account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  account.emit('customer.subscription.updated', subscription, before)
  account.emit('invoice.created', invoice)
  planPeriodEnd(account, subscription)
  withhold(account, subscription, invoice)
}

/** Stripe charges whatever method the subscription or its customer has by default. */
function hasCard(account: Account, subscription: Subscription): boolean {
  const customer = account.customers.must(subscription.customer)
  return subscription.default_payment_method !== null || defaultCardOf(account, customer) !== undefined
}

/** A trial that ends without a card may leave the subscription paused, neither billed nor ended
 *  (https://docs.stripe.com/billing/subscriptions/trials/free-trials#create-free-trials-without-payment). */
function pauseAfterTrial(account: Account, subscription: Subscription): void {
  forgetPlans(account, subscription)
  const previous = account.subscriptions.change(subscription, {
    status: 'paused',
    hidden: {
      ...subscription.hidden,
      paused: { reason: 'trial_end_without_payment_method', at: account.now(subscription) },
    },
  })
  account.emit('customer.subscription.updated', subscription, previous)
  account.emit('customer.subscription.paused', subscription)
}

/** Items may have prices of different intervals; only those whose own period is over begin a new one. */
const dueItems = (account: Account, { id }: Subscription, at: number): SubscriptionItem[] =>
  account.subscriptionItems.where('subscription', id).filter((item) => item.current_period_end <= at)

function beginNextPeriod(account: Account, subscription: Subscription, item: SubscriptionItem): void {
  account.subscriptionItems.change(item, nextPeriodOf(account, subscription, item))
}

function nextPeriodOf(
  account: Account,
  subscription: Subscription,
  item: SubscriptionItem,
): Pick<SubscriptionItem, 'current_period_start' | 'current_period_end'> {
  const start = item.current_period_end
  const { end } = periodAround(subscription.billing_cycle_anchor, account.prices.must(item.price), start)
  return { current_period_start: start, current_period_end: end }
}

/** The draft of a renewal: what waited to be billed, and then the new periods. */
function draftRenewal(
  account: Account,
  subscription: Subscription,
  items: SubscriptionItem[],
  period: { start: number; end: number },
): Invoice {
  const customer = account.customers.must(subscription.customer)
  const sends = subscription.collection_method === 'send_invoice'
  const invoice = draftInvoice(account, {
    customer,
    currency: subscription.currency,
    billingReason: 'subscription_cycle',
    collectionMethod: subscription.collection_method,
    dueDate: sends ? period.end + (subscription.days_until_due ?? 30) * 24 * 60 * 60 : null,
    subscription: { id: subscription.id, metadata: subscription.metadata },
    period,
  })
  const waiting = waitingItems(account, subscription)
  for (const item of waiting) account.invoiceItems.change(item, { invoice: invoice.id })
  setLines(account, invoice, linesOf(account, subscription, invoice, waiting, items))
  account.invoices.change(
    invoice,
    collectsByItself(subscription) ? setAutoAdvance(account, invoice, true) : {},
  )
  return invoice
}

const linesOf = (
  account: Account,
  subscription: Subscription,
  invoice: Invoice,
  waiting: InvoiceItem[],
  items: SubscriptionItem[],
) => [
  ...waiting.map((item) => withDiscounts(account, invoiceItemLine(item, invoice.id))),
  ...items.map((item) => fullPeriodLine(account, invoice, subscription, item)),
]

/** What is to be billed with the next renewal: prorations of the subscription, and what belongs to none. */
const waitingItems = (account: Account, { id, customer, currency }: Subscription): InvoiceItem[] =>
  account.invoiceItems
    .where('customer', customer)
    .filter(
      (item) =>
        item.invoice === null &&
        item.currency === currency &&
        (item.parent === null || item.parent.subscription_details.subscription === id),
    )

/** Nothing is collected by itself of a subscription that was given up as unpaid, or whose collection is paused. */
const collectsByItself = (subscription: Subscription): boolean =>
  subscription.status !== 'unpaid' && subscription.pause_collection === null

/** What a paused collection makes of an invoice, unless it stays a draft
 *  (https://docs.stripe.com/billing/subscriptions/pause-payment). */
function withhold(account: Account, subscription: Subscription, invoice: Invoice): void {
  const behavior = subscription.pause_collection?.behavior
  if (behavior === 'void' || behavior === 'mark_uncollectible') finalizeInvoice(account, invoice)
  if (invoice.status !== 'open') return
  if (behavior === 'void') voidInvoice(account, invoice)
  if (behavior === 'mark_uncollectible') markUncollectible(account, invoice)
}

/** Tells of the renewal that will come, as an invoice that does not exist yet. */
export function announceUpcomingInvoice(account: Account, id: string): void {
  const subscription = account.subscriptions.get(id)
  const upcoming = subscription && account.rehearse(() => upcomingInvoice(account, subscription))
  if (upcoming) account.emit('invoice.upcoming', upcoming)
}

/** What a subscription will be billed when its period ends, with what the customer's balance leaves of it; nothing where
 *  it ends by then. To be rehearsed, for the schedule of the subscription may begin its next phase. */
export function upcomingInvoice(account: Account, subscription: Subscription): Invoice | undefined {
  startDuePhase(account, subscription, Math.min(...periodEndsOf(account, subscription)))
  const { id, status, cancel_at } = subscription
  const end = Math.min(...periodEndsOf(account, subscription))
  if (!renewed.has(status) || (cancel_at !== null && cancel_at <= end)) return undefined
  const customer = account.customers.must(subscription.customer)
  const due = dueItems(account, subscription, end)
  const items = due.map((item) => ({ ...item, ...nextPeriodOf(account, subscription, item) }))
  const draft = newInvoice({
    now: end,
    customer,
    currency: subscription.currency,
    billingReason: 'upcoming',
    collectionMethod: subscription.collection_method,
    subscription: { id, metadata: subscription.metadata },
    defaultTaxRates: subscription.default_tax_rates,
    period: { start: Math.min(...due.map((item) => item.current_period_start)), end },
  })
  const active = { ...subscription, status: 'active' as const }
  const waiting = waitingItems(account, subscription)
  const lines = withTaxes(account, draft, linesOf(account, active, draft, waiting, items))
  return asUpcoming({ ...draft, ...notByItself, ...totalsOf(lines) }, customer)
}
