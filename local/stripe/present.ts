import type { Account } from './account.ts'
import type { BalanceTransaction } from './objects/balance-transaction.ts'
import type { Charge } from './objects/charge.ts'
import type { CreditNote } from './objects/credit-note.ts'
import type { Invoice } from './objects/invoice.ts'
import type { InvoiceItem } from './objects/invoice-item.ts'
import { planOf } from './objects/price.ts'
import type { Subscription } from './objects/subscription.ts'
import type { SubscriptionItem } from './objects/subscription-item.ts'
import { isAvailable } from './processes/paying-out.ts'

export interface StripeObject {
  id: string
  object: string
  deleted?: true
}

export type Json = Record<string, unknown>

/** How the world sees an object: joined by those it consists of, and without what only this stand-in knows of it. */
export function present(account: Account, object: StripeObject): Json {
  const { hidden: _hidden, ...shown } = object as unknown as Json
  if (object.deleted) return shown
  const presenter = presenters[object.object]
  return presenter ? { ...shown, ...presenter(account, object) } : shown
}

type Presenter = (account: Account, object: StripeObject) => Json

const presenters: Record<string, Presenter> = {
  balance_transaction: (account, object) => ({
    status: isAvailable(account, object as BalanceTransaction) ? 'available' : 'pending',
  }),
  dispute: (account, { id }) => ({
    balance_transactions: account.balanceTransactions
      .where('source', id)
      .map((transaction) => present(account, transaction)),
  }),
  subscription: (account, object) => {
    const subscription = object as Subscription
    const items = account.subscriptionItems.where('subscription', subscription.id)
    const [only, second] = items
    return {
      items: {
        object: 'list',
        data: items.map((item) => present(account, item)),
        has_more: false,
        total_count: items.length,
        url: `/v1/subscription_items?subscription=${subscription.id}`,
      },
      default_tax_rates: ratesOf(account, subscription.default_tax_rates),
      pending_update: pendingUpdateOf(account, subscription),
      ...statusDetailsOf(subscription),
      // Of several items Stripe shows none here.
      plan: only && !second ? planOf(account.prices.must(only.price)) : null,
      quantity: only && !second ? only.quantity : null,
    }
  },
  subscription_item: (account, object) => {
    const price = account.prices.must((object as SubscriptionItem).price)
    return { plan: planOf(price), price }
  },
  invoice: (account, object) => {
    const { id, lines, default_tax_rates } = object as Invoice
    return {
      ...linesOf(`/v1/invoices/${id}/lines`, lines),
      default_tax_rates: ratesOf(account, default_tax_rates),
    }
  },
  invoiceitem: (account, object) => ({ tax_rates: ratesOf(account, (object as InvoiceItem).tax_rates) }),
  credit_note: (_account, object) =>
    linesOf(`/v1/credit_notes/${object.id}/lines`, (object as CreditNote).lines),
}

const ratesOf = (account: Account, ids: string[]): Json[] =>
  ids.map((id) => present(account, account.taxRates.must(id)))

/** The first lines; the others are on the list's own page. */
const linesOf = (url: string, lines: object[]): Json => ({
  lines: {
    object: 'list',
    data: lines.slice(0, linesShown),
    has_more: lines.length > linesShown,
    total_count: lines.length,
    url,
  },
})

const linesShown = 10

/** Why a subscription is paused, and since when; nothing is shown of any other. */
function statusDetailsOf({ status, hidden: { paused } }: Subscription): Json {
  if (status !== 'paused' || !paused) return {}
  const { reason, at } = paused
  return {
    status_details: {
      paused: { subscription: { type: reason }, transitioned_at: at, type: 'subscription' },
    },
  }
}

/** What waits for a payment; the values that it would leave as they are show as null. */
function pendingUpdateOf(account: Account, subscription: Subscription): Json | null {
  const { pendingChange } = subscription.hidden
  if (!pendingChange) return null
  const { fields, items, expiresAt } = pendingChange
  return {
    billing_cycle_anchor: fields.billing_cycle_anchor ?? null,
    cancel_at_period_end: null,
    discount: null,
    discounts: null,
    expires_at: expiresAt,
    metadata: null,
    subscription_items: items.map((item) => present(account, item)),
    trial_end: fields.trial_end ?? null,
    trial_from_plan: null,
  }
}

/** What an object shows only when asked to by `expand`. */
export const includable: Record<
  string,
  Record<string, Presenter | ((account: Account, object: StripeObject) => unknown)>
> = {
  customer: {
    invoice_credit_balance: () => ({}),
    tax: () => ({
      automatic_tax: 'unrecognized_location',
      ip_address: null,
      location: null,
      provider: 'stripe',
    }),
    sources: (_account, { id }) => emptyList(`/v1/customers/${id}/sources`),
    subscriptions: (account, { id }) => ({
      object: 'list',
      data: account.subscriptions
        .where('customer', id)
        .filter(({ status }) => status !== 'canceled' && status !== 'incomplete_expired')
        .toReversed()
        .map((subscription) => present(account, subscription)),
      has_more: false,
      url: `/v1/customers/${id}/subscriptions`,
    }),
    tax_ids: (_account, { id }) => emptyList(`/v1/customers/${id}/tax_ids`),
  },
  charge: { refunds: (account, object) => refundsOf(account, object as Charge) },
  invoice: {
    confirmation_secret: (account, { id }) => {
      const intent = defaultIntentOf(account, id)
      return intent ? { client_secret: intent.client_secret, type: 'payment_intent' } : null
    },
    payments: (account, { id }) => ({
      object: 'list',
      data: account.invoicePayments.where('invoice', id),
      has_more: false,
      url: '/v1/invoices/payments',
    }),
  },
  'checkout.session': {
    line_items: (account, { id }) => sessionLines(account, id),
  },
}

const emptyList = (url: string): Json => ({ object: 'list', data: [], has_more: false, total_count: 0, url })

/** The newest refunds of a charge; the others are on the list's own page. */
function refundsOf(account: Account, { id }: Charge): Json {
  const refunds = account.refunds.where('charge', id).toReversed()
  return {
    object: 'list',
    data: refunds.slice(0, refundsShown),
    has_more: refunds.length > refundsShown,
    total_count: refunds.length,
    url: `/v1/charges/${id}/refunds`,
  }
}

const refundsShown = 10

const defaultIntentOf = (account: Account, invoice: string) => {
  const payment = account.invoicePayments.where('invoice', invoice).findLast(({ is_default }) => is_default)
  return payment && account.paymentIntents.get(payment.payment.payment_intent)
}

/** The lines of a checkout session as the list that Stripe gives. */
export function sessionLines(account: Account, id: string): Json & { data: Json[] } {
  const session = account.checkoutSessions.must(id)
  return {
    object: 'list',
    data: session.hidden.plans.lines.map((line) => ({
      id: line.id,
      object: 'item',
      adjustable_quantity: null,
      amount_discount: 0,
      amount_subtotal: line.amount,
      amount_tax: 0,
      amount_total: line.amount,
      currency: session.currency,
      description: line.description,
      metadata: line.metadata,
      price: account.prices.must(line.price),
      quantity: line.quantity,
    })),
    has_more: false,
    url: `/v1/checkout/sessions/${id}/line_items`,
  }
}
