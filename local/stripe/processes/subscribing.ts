import type { Account } from '../account.ts'
import { invalidRequest, StripeError } from '../http/errors.ts'
import type { Customer } from '../objects/customer.ts'
import type { CollectionMethod, Invoice } from '../objects/invoice.ts'
import type { LineItem } from '../objects/line-item.ts'
import { declineOf, type PaymentMethod } from '../objects/payment-method.ts'
import { amountOf, type Price } from '../objects/price.ts'
import type { Metadata } from '../objects/shared.ts'
import { newSetupIntent } from '../objects/setup-intent.ts'
import { newSubscription, type Subscription } from '../objects/subscription.ts'
import { newSubscriptionItem, type SubscriptionItem } from '../objects/subscription-item.ts'
import { asksForAuthentication } from './charging.ts'
import { oneTimeLine } from './invoice-items.ts'
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
import { endScheduleWith } from './schedule-status.ts'
import {
  expireIncompleteJob,
  forgetPlans,
  planCancellation,
  planPeriodEnd,
  planTrialNotice,
  type CancellationTime,
} from './subscription-status.ts'
import { fullPeriodLine } from './subscription-lines.ts'
import { amountUntilAnchor, periodAround } from './prorating.ts'

export type PaymentBehavior =
  'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete'

export interface SubscriptionPlan {
  customer: Customer
  items: { price: Price; quantity: number; metadata: Metadata }[]
  /** Prices that are paid once, on the first invoice. */
  oneTimeItems?: { price: Price; quantity: number; description: string }[]
  trialEnd?: number | undefined
  /** When the first whole period begins, if that is not now. */
  anchor?: number | undefined
  /** Whether the time until then is charged for. */
  prorates?: boolean
  collectionMethod?: CollectionMethod | undefined
  daysUntilDue?: number | undefined
  defaultPaymentMethod?: PaymentMethod | undefined
  defaultTaxRates?: string[] | undefined
  description?: string | undefined
  metadata?: Metadata
  cancelAt?: CancellationTime | undefined
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
  const chargesNow =
    plan.collectionMethod !== 'send_invoice' && firstAmount(plan, account.now(plan.customer)) > 0
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
  const anchor = plan.trialEnd ?? plan.anchor ?? now
  const sendsInvoice = plan.collectionMethod === 'send_invoice'
  const needsPayment = firstAmount(plan, now) > 0 && !sendsInvoice
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
      defaultTaxRates: plan.defaultTaxRates,
      description: plan.description,
      metadata: plan.metadata ?? {},
      trialEnd: plan.trialEnd,
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
        period: { start: now, end: plan.trialEnd ?? periodAround(anchor, price, now).end },
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
  if (plan.cancelAt !== undefined) planCancellation(account, subscription, plan.cancelAt)
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

/** What is due at once: nothing of what recurs during a trial, and all that is paid once. */
function firstAmount(plan: SubscriptionPlan, now: number): number {
  const { items, oneTimeItems = [], trialEnd } = plan
  const recurring = trialEnd
    ? 0
    : items.reduce((sum, { price, quantity }) => sum + firstPeriodAmount(plan, price, quantity, now), 0)
  return recurring + oneTimeItems.reduce((sum, { price, quantity }) => sum + amountOf(price, quantity), 0)
}

/** A first period that is shorter than the others costs its part, or nothing. */
function firstPeriodAmount(
  { anchor, prorates }: SubscriptionPlan,
  price: Price,
  quantity: number,
  now: number,
): number {
  if (anchor === undefined) return amountOf(price, quantity)
  return prorates ? amountUntilAnchor(anchor, price, quantity, now) : 0
}

function firstLines(
  account: Account,
  invoice: Invoice,
  subscription: Subscription,
  items: SubscriptionItem[],
  plan: SubscriptionPlan,
): LineItem[] {
  const recurring = items.map((item) => {
    const line = fullPeriodLine(account, invoice, subscription, item)
    if (plan.anchor === undefined) return line
    const price = account.prices.must(item.price)
    const amount = firstPeriodAmount(plan, price, item.quantity, invoice.created)
    return { ...line, amount, subtotal: amount }
  })
  const once = (plan.oneTimeItems ?? []).map((item) => oneTimeLine(account, invoice, item))
  return [...recurring, ...once]
}

export const defaultCardOf = (account: Account, customer: Customer): PaymentMethod | undefined =>
  account.paymentMethods.get(customer.invoice_settings.default_payment_method ?? '')

/** `error_if_incomplete` creates nothing when the first payment would not go through. */
export function refuseBadCard(card: PaymentMethod): void {
  const decline = declineOf(card)
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
  endScheduleWith(account, subscription, reason)
}
