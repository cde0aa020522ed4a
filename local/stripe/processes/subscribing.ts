import type { Account } from '../account.ts'
import { intervalsAfter } from '../calendar.ts'
import { invalidRequest, StripeError } from '../http/errors.ts'
import type { Customer } from '../objects/customer.ts'
import type { CollectionMethod, Invoice } from '../objects/invoice.ts'
import { newInvoiceItem } from '../objects/invoice-item.ts'
import { invoiceItemLine, subscriptionLine, type LineItem } from '../objects/line-item.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import { amountOf, type Price } from '../objects/price.ts'
import { formatAmount, type Metadata } from '../objects/shared.ts'
import { newSetupIntent } from '../objects/setup-intent.ts'
import { newSubscription, type Subscription } from '../objects/subscription.ts'
import { newSubscriptionItem, type SubscriptionItem } from '../objects/subscription-item.ts'
import { testCard } from '../objects/test-cards.ts'
import { asksForAuthentication } from './charging.ts'
import {
  draftInvoice,
  finalizeInvoice,
  intentOf,
  openInvoicesOf,
  setLines,
  voidInvoice,
} from './invoicing.ts'
import { noCardToCharge, payInvoice } from './paying-invoices.ts'
import { stopCollecting } from './retrying.ts'
import { expireIncompleteJob, forgetPlans, planPeriodEnd, planTrialNotice } from './subscription-status.ts'

export type PaymentBehavior =
  'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete'

export interface SubscriptionPlan {
  customer: Customer
  items: { price: Price; quantity: number; metadata: Metadata }[]
  /** Prices that are paid once, on the first invoice. */
  oneTimeItems?: { price: Price; quantity: number; description: string }[]
  trialEnd?: number | undefined
  collectionMethod?: CollectionMethod | undefined
  daysUntilDue?: number | undefined
  defaultPaymentMethod?: PaymentMethod | undefined
  description?: string | undefined
  metadata?: Metadata
  cancelAt?: number | undefined
  saveDefaultPaymentMethod?: 'off' | 'on_subscription' | undefined
  missingPaymentMethodAtTrialEnd?: 'cancel' | 'create_invoice' | 'pause' | undefined
  paymentMethodTypes?: string[]
  orderReference?: string
}

/** Stripe gives up an unpaid first invoice after 23 hours. */
const incompleteSeconds = 23 * 60 * 60

/** Creates a subscription over the API: the first invoice is charged at once unless the caller wants to confirm it. */
export function subscribe(account: Account, plan: SubscriptionPlan, behavior: PaymentBehavior): Subscription {
  const card = plan.defaultPaymentMethod ?? defaultCardOf(account, plan.customer)
  const chargesNow = plan.collectionMethod !== 'send_invoice' && firstAmount(plan) > 0
  if (chargesNow && behavior !== 'default_incomplete') {
    if (!card) throw noCardToCharge()
    if (behavior === 'error_if_incomplete') refuseBadCard(card)
  }
  const { subscription, invoice } = createSubscription(account, plan)
  if (subscription.status === 'trialing' && !card) setUpCardForLater(account, subscription)
  if (!chargesNow) return subscription
  if (behavior === 'default_incomplete') {
    const intent = intentOf(account, invoice)
    if (intent && card)
      account.paymentIntents.change(intent, { payment_method: card.id, status: 'requires_confirmation' })
    return subscription
  }
  payInvoice(account, invoice, { method: card })
  return subscription
}

/** Creates the subscription with its items and its finalized first invoice, not yet paid unless nothing is due.
 *  @param born is told the id before anything else happens, so that a checkout session can be found by it. */
export function createSubscription(
  account: Account,
  plan: SubscriptionPlan,
  born: (id: string) => void = () => {},
): { subscription: Subscription; invoice: Invoice } {
  const { customer, items } = plan
  const [first] = items
  if (!first) throw new Error('A subscription has at least one item')
  if (items.some(({ price }) => price.currency !== first.price.currency))
    throw invalidRequest('All prices on a subscription must have the same `currency`.')
  const now = account.now(customer)
  const anchor = plan.trialEnd ?? now
  const sendsInvoice = plan.collectionMethod === 'send_invoice'
  const needsPayment = firstAmount(plan) > 0 && !sendsInvoice
  const subscription = account.subscriptions.insert(
    newSubscription({
      now,
      customer: customer.id,
      testClock: customer.test_clock,
      currency: first.price.currency,
      status: plan.trialEnd ? 'trialing' : needsPayment ? 'incomplete' : 'active',
      billingCycleAnchor: anchor,
      collectionMethod: plan.collectionMethod,
      daysUntilDue: plan.daysUntilDue,
      defaultPaymentMethod: plan.defaultPaymentMethod?.id,
      description: plan.description,
      metadata: plan.metadata ?? {},
      trialEnd: plan.trialEnd,
      cancelAt: plan.cancelAt,
      paymentMethodTypes: plan.paymentMethodTypes,
      saveDefaultPaymentMethod: plan.saveDefaultPaymentMethod,
      missingPaymentMethodAtTrialEnd: plan.missingPaymentMethodAtTrialEnd,
    }),
  )
  born(subscription.id)
  const subscriptionItems = items.map(({ price, quantity, metadata }) =>
    account.subscriptionItems.insert(
      newSubscriptionItem({
        now,
        subscription: subscription.id,
        price: price.id,
        quantity,
        metadata,
        period: { start: now, end: plan.trialEnd ?? firstPeriodEnd(price, now) },
      }),
    ),
  )
  const invoice = draftInvoice(account, {
    customer,
    currency: subscription.currency,
    billingReason: 'subscription_create',
    collectionMethod: plan.collectionMethod,
    dueDate: sendsInvoice ? now + (plan.daysUntilDue ?? 30) * 24 * 60 * 60 : null,
    subscription: { id: subscription.id, metadata: subscription.metadata },
  })
  account.invoices.change(invoice, {
    hidden: { ...invoice.hidden, orderReference: plan.orderReference ?? null },
  })
  setLines(account, invoice, firstLines(account, invoice, subscription, subscriptionItems, plan))
  account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  account.emit('customer.subscription.created', subscription)
  account.emit('invoice.created', invoice)
  finalizeInvoice(account, invoice)
  if (subscription.status === 'incomplete')
    account.agenda.plan(
      expireIncompleteJob,
      subscription.id,
      now + incompleteSeconds,
      subscription.test_clock,
    )
  planPeriodEnd(account, subscription)
  planTrialNotice(account, subscription)
  return { subscription, invoice }
}

const firstPeriodEnd = (price: Price, start: number): number => {
  if (!price.recurring) throw new Error(`The price ${price.id} does not recur`)
  return intervalsAfter(start, price.recurring, 1)
}

/** What is due at once: nothing of what recurs during a trial, and all that is paid once. */
function firstAmount({ items, oneTimeItems = [], trialEnd }: SubscriptionPlan): number {
  const recurring = trialEnd
    ? 0
    : items.reduce((sum, { price, quantity }) => sum + amountOf(price, quantity), 0)
  return recurring + oneTimeItems.reduce((sum, { price, quantity }) => sum + amountOf(price, quantity), 0)
}

function firstLines(
  account: Account,
  invoice: Invoice,
  subscription: Subscription,
  items: SubscriptionItem[],
  plan: SubscriptionPlan,
): LineItem[] {
  const recurring = items.map((item) => fullPeriodLine(account, invoice, subscription, item))
  const once = (plan.oneTimeItems ?? []).map(({ price, quantity, description }) => {
    const item = newInvoiceItem({
      now: invoice.created,
      testClock: invoice.test_clock,
      customer: invoice.customer,
      amount: amountOf(price, quantity),
      quantity,
      unitAmountDecimal: price.unit_amount_decimal,
      currency: price.currency,
      description,
      price: price.id,
      product: price.product,
      invoice: invoice.id,
      subscription: subscription.id,
      discountable: true,
      discounts: [],
      metadata: {},
    })
    return invoiceItemLine(account.invoiceItems.insert(item), invoice.id)
  })
  return [...recurring, ...once]
}

/** The line of an item for its current period, which costs nothing during a trial. */
export function fullPeriodLine(
  account: Account,
  invoice: Invoice,
  subscription: Subscription,
  item: SubscriptionItem,
): LineItem {
  const trial = subscription.status === 'trialing'
  const price = account.prices.must(item.price)
  return subscriptionLine({
    invoice: invoice.id,
    subscription: subscription.id,
    subscriptionItem: item.id,
    price,
    quantity: item.quantity,
    amount: trial ? 0 : amountOf(price, item.quantity),
    unitAmountDecimal: trial ? '0' : price.unit_amount_decimal,
    description: trial
      ? `Free trial for ${unitsOf(account, price, item.quantity)}`
      : `${unitsOf(account, price, item.quantity)} (at ${rateOf(price)})`,
    period: { start: item.current_period_start, end: item.current_period_end },
    metadata: subscription.metadata,
  })
}

/** `10 user × Team plan`; products without a name for their unit go without. */
function unitsOf(account: Account, price: Price, quantity: number): string {
  const product = account.products.must(price.product)
  return `${quantity}${product.unit_label ? ` ${product.unit_label}` : ''} × ${product.name}`
}

/** `/ month`, or `every 3 months`; nothing for what is paid once. */
export function frequencyOf({ recurring }: Price): string {
  if (!recurring) return ''
  const { interval, interval_count: count } = recurring
  return count === 1 ? `/ ${interval}` : `every ${count} ${interval}s`
}

/** `$25.00 / month`: an amount, by default the price of one unit, with how often it is paid. */
export function rateOf(price: Price, amount = Math.round(Number(price.unit_amount_decimal))): string {
  return `${formatAmount(amount, price.currency)} ${frequencyOf(price)}`.trimEnd()
}

export const defaultCardOf = (account: Account, customer: Customer): PaymentMethod | undefined =>
  account.paymentMethods.get(customer.invoice_settings.default_payment_method ?? '')

/** `error_if_incomplete` creates nothing when the first payment would not go through. */
export function refuseBadCard(card: PaymentMethod): void {
  const { decline } = testCard(card.hidden.number)
  if (asksForAuthentication(card))
    throw new StripeError(402, {
      type: 'card_error',
      code: 'subscription_payment_intent_requires_action',
      message:
        'Payment for this subscription requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with subscription.latest_invoice.',
    })
  if (!decline) return
  throw new StripeError(402, {
    type: 'card_error',
    code: decline.code,
    ...(decline.declineCode && { decline_code: decline.declineCode }),
    ...(decline.adviceCode && { advice_code: decline.adviceCode }),
    message: decline.message,
  })
}

/** A trial without a card asks for one by a setup intent, so that it can be charged when the trial ends. */
function setUpCardForLater(account: Account, subscription: Subscription): void {
  const intent = account.setupIntents.insert(
    newSetupIntent({ now: account.now(subscription), customer: subscription.customer, usage: 'off_session' }),
  )
  account.subscriptions.change(subscription, { pending_setup_intent: intent.id })
  account.emit('setup_intent.created', intent)
}

/** Nobody paid the first invoice in time, or the checkout that led to it has expired. */
export function expireIncompleteSubscription(account: Account, id: string): void {
  const subscription = account.subscriptions.get(id)
  if (subscription?.status !== 'incomplete') return
  forgetPlans(account, subscription)
  for (const invoice of openInvoicesOf(account, id)) voidInvoice(account, invoice)
  const previous = account.subscriptions.change(subscription, {
    status: 'incomplete_expired',
    ended_at: account.now(subscription),
  })
  account.emit('customer.subscription.updated', subscription, previous)
}

/** Ends a subscription now. What was never paid for is still owed: open invoices stay as they are. */
export function cancelSubscription(
  account: Account,
  subscription: Subscription,
  details: { comment?: string | null | undefined; feedback?: string | null | undefined } = {},
  reason: 'cancellation_requested' | 'payment_failed' = 'cancellation_requested',
): void {
  const now = account.now(subscription)
  if (subscription.status === 'incomplete') return expireIncompleteSubscription(account, subscription.id)
  forgetPlans(account, subscription)
  stopCollecting(account, subscription.id)
  account.subscriptions.change(subscription, {
    status: 'canceled',
    canceled_at: subscription.canceled_at ?? now,
    ended_at: now,
    cancellation_details: {
      comment: details.comment ?? null,
      feedback: details.feedback ?? null,
      feedback_option: null,
      reason,
    },
  })
  account.emit('customer.subscription.deleted', subscription)
}
