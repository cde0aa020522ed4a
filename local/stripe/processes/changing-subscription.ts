import type { Account } from '../account.ts'
import type { Customer } from '../objects/customer.ts'
import type { Invoice } from '../objects/invoice.ts'
import { newInvoiceItem, type InvoiceItem } from '../objects/invoice-item.ts'
import type { LineItem } from '../objects/line-item.ts'
import { invoiceItemLine } from '../objects/line-item.ts'
import { previousAttributes } from '../objects/previous-attributes.ts'
import { amountOf } from '../objects/price.ts'
import type { Subscription } from '../objects/subscription.ts'
import { newSubscriptionItem, type SubscriptionItem } from '../objects/subscription-item.ts'
import { present } from '../present.ts'
import { cardFor, draftInvoice, finalizeInvoice, payInvoice, setLines } from './invoicing.ts'
import { chargeFor, creditFor, periodAround, type ItemChange, type Proration } from './prorating.ts'
import { defaultCardOf, fullPeriodLine, refuseBadCard } from './subscribing.ts'
import { planCancellation } from './subscription-status.ts'

export interface SubscriptionChange {
  /** What is simply written: metadata, description, the card. */
  fields: Partial<Subscription>
  items: ItemChange[]
  prorations: 'create_prorations' | 'always_invoice' | 'none'
  /** The moment from which a new price counts; now, when none is named. */
  prorationDate?: number | undefined
  /** A new cycle begins now. */
  resetsAnchor: boolean
  /** `now` ends a trial, a time moves its end. */
  trialEnd?: 'now' | number | undefined
  /** Null undoes a cancellation that was planned. */
  cancelAt?: number | 'period_end' | null | undefined
  /** Nothing changes when the payment that it needs would not go through. */
  refusesBadCard: boolean
}

/** Changes a subscription: what was paid and is not used is given back, what is new is charged for, to the second. */
export function changeSubscription(
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
): void {
  const before = present(account, subscription)
  const customer = account.customers.must(subscription.customer)
  const now = account.now(customer)
  const endsTrial = subscription.status === 'trialing' && change.trialEnd === 'now'
  const restarts = change.resetsAnchor || endsTrial
  const changed = restarts ? allItems(account, subscription, change.items) : change.items
  const prorations = prorationsOf(account, subscription, changed, change, restarts, now)
  if (change.refusesBadCard) checkCard(account, subscription, customer, prorations, restarts ? changed : [])

  account.subscriptions.change(subscription, {
    ...change.fields,
    ...(restarts && { billing_cycle_anchor: now }),
    ...(endsTrial && { status: 'active', trial_end: now }),
    ...(typeof change.trialEnd === 'number' && {
      trial_end: change.trialEnd,
      billing_cycle_anchor: change.trialEnd,
    }),
  })
  const items = changed.map((one) => applyToItem(account, subscription, one, now))
  if (typeof change.trialEnd === 'number') moveTrialEnd(account, subscription, change.trialEnd)
  const pending = prorations.map((proration) => recordProration(account, subscription, proration, now))
  if (change.cancelAt !== undefined) planCancellation(account, subscription, change.cancelAt)

  const invoice =
    restarts || (change.prorations === 'always_invoice' && pending.length > 0)
      ? draftUpdateInvoice(
          account,
          subscription,
          customer,
          restarts ? items : [],
          restarts ? now : periodStartOf(before),
        )
      : undefined
  if (invoice) account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  if (Object.keys(previousAttributes(before, present(account, subscription))).length > 0)
    account.emit('customer.subscription.updated', subscription, before)
  if (invoice) collect(account, invoice)
}

/** Every item, changed or not: when the cycle begins anew, all of them do. */
function allItems(account: Account, subscription: Subscription, changes: ItemChange[]): ItemChange[] {
  const untouched = account.subscriptionItems
    .where('subscription', subscription.id)
    .filter((item) => !changes.some((change) => change.item === item))
    .map((item) => ({
      item,
      price: account.prices.must(item.price),
      quantity: item.quantity,
      deleted: false,
    }))
  return [...changes, ...untouched]
}

/** A proration with the item it belongs to, where that item exists already. */
interface ItemProration extends Proration {
  item: SubscriptionItem | undefined
}

function prorationsOf(
  account: Account,
  subscription: Subscription,
  changes: ItemChange[],
  { prorations, prorationDate }: SubscriptionChange,
  restarts: boolean,
  now: number,
): ItemProration[] {
  if (prorations === 'none' || subscription.status === 'trialing') return []
  const at = prorationDate ?? now
  return changes
    .filter((change) => restarts || costsOtherwise(change))
    .flatMap((change) => {
      const { item, price, deleted } = change
      const credit = item ? [{ ...creditFor(account, subscription, item, at), item }] : []
      // A cycle that begins anew is charged for whole, by the lines of its invoice.
      if (deleted || restarts) return credit
      const period = periodAround(subscription.billing_cycle_anchor, price, at)
      return [...credit, { ...chargeFor(account, change, period, at), item }]
    })
}

const costsOtherwise = ({ item, price, quantity, deleted }: ItemChange): boolean =>
  deleted || !item || item.price !== price.id || item.quantity !== quantity

function checkCard(
  account: Account,
  subscription: Subscription,
  customer: Customer,
  prorations: Proration[],
  renewed: ItemChange[],
): void {
  const due =
    prorations.reduce((sum, { amount }) => sum + amount, 0) +
    renewed.reduce((sum, { price, quantity, deleted }) => sum + (deleted ? 0 : amountOf(price, quantity)), 0)
  const card =
    account.paymentMethods.get(subscription.default_payment_method ?? '') ?? defaultCardOf(account, customer)
  if (due > 0 && card) refuseBadCard(card)
}

function applyToItem(
  account: Account,
  subscription: Subscription,
  { item, price, quantity, deleted }: ItemChange,
  now: number,
): SubscriptionItem | undefined {
  if (item && deleted) {
    account.subscriptionItems.remove(item)
    return undefined
  }
  const trialing = subscription.status === 'trialing' && subscription.trial_end !== null
  const period = trialing
    ? { start: now, end: subscription.trial_end ?? now }
    : periodAround(subscription.billing_cycle_anchor, price, now)
  if (!item)
    return account.subscriptionItems.insert(
      newSubscriptionItem({
        now,
        subscription: subscription.id,
        price: price.id,
        quantity,
        period,
        metadata: {},
      }),
    )
  account.subscriptionItems.change(item, {
    price: price.id,
    quantity,
    ...(!trialing && { current_period_start: period.start, current_period_end: period.end }),
  })
  return item
}

function moveTrialEnd(account: Account, subscription: Subscription, end: number): void {
  for (const item of account.subscriptionItems.where('subscription', subscription.id))
    account.subscriptionItems.change(item, { current_period_end: end })
}

function recordProration(
  account: Account,
  subscription: Subscription,
  proration: ItemProration,
  now: number,
): InvoiceItem {
  const item =
    proration.item ??
    account.subscriptionItems
      .where('subscription', subscription.id)
      .findLast(({ price }) => price === proration.price.id)
  const recorded = account.invoiceItems.insert(
    newInvoiceItem({
      now,
      customer: subscription.customer,
      amount: proration.amount,
      quantity: proration.quantity,
      unitAmountDecimal: null,
      currency: subscription.currency,
      description: proration.description,
      price: proration.price.id,
      product: proration.price.product,
      invoice: null,
      subscription: subscription.id,
      proration: { subscriptionItem: item?.id ?? '', creditedItems: proration.creditedItems },
      discountable: false,
      discounts: [],
      metadata: {},
      period: proration.period,
    }),
  )
  account.emit('invoiceitem.created', recorded)
  return recorded
}

/** The invoice of a change: what waited to be billed, and the new periods where the cycle begins anew. */
function draftUpdateInvoice(
  account: Account,
  subscription: Subscription,
  customer: Customer,
  renewed: (SubscriptionItem | undefined)[],
  periodStart: number,
): Invoice {
  const now = account.now(customer)
  const invoice = draftInvoice(account, {
    customer,
    currency: subscription.currency,
    billingReason: 'subscription_update',
    collectionMethod: subscription.collection_method,
    subscription: { id: subscription.id, metadata: subscription.metadata },
    period: { start: periodStart, end: now },
  })
  const waiting = account.invoiceItems
    .where('customer', customer.id)
    .filter(
      (item) => item.invoice === null && item.parent?.subscription_details.subscription === subscription.id,
    )
  for (const item of waiting) account.invoiceItems.change(item, { invoice: invoice.id })
  const lines: LineItem[] = waiting.map((item) => invoiceItemLine(item, invoice.id))
  for (const item of renewed) if (item) lines.push(fullPeriodLine(account, invoice, subscription, item))
  setLines(account, invoice, lines)
  return invoice
}

const periodStartOf = (before: Record<string, unknown>): number => {
  const { data } = before.items as { data: SubscriptionItem[] }
  return Math.min(...data.map((item) => item.current_period_start))
}

function collect(account: Account, invoice: Invoice): void {
  account.emit('invoice.created', invoice)
  finalizeInvoice(account, invoice)
  if (
    invoice.status === 'open' &&
    invoice.collection_method === 'charge_automatically' &&
    cardFor(account, invoice)
  )
    payInvoice(account, invoice)
}
