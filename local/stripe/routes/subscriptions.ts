import type { Account } from '../account.ts'
import { badParameter, invalidRequest, missingParameter } from '../http/errors.ts'
import { pageOf, pagingByTime, paging, within } from '../http/lists.ts'
import {
  boolean,
  currency,
  hash,
  ignored,
  integer,
  list,
  metadata,
  nowOrTimestamp,
  oneOf,
  range,
  required,
  text,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import { changedMetadata } from '../objects/shared.ts'
import type { Subscription } from '../objects/subscription.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import { cancelSubscription, subscribe } from '../processes/subscribing.ts'
import { given, named } from './find.ts'
import { priceData, priceFromData } from './prices.ts'
import { cancellationDetails } from './subscription-updates.ts'

const items = list(
  hash({
    billing_thresholds: unsupported(),
    current_trial: unsupported(),
    discounts: unsupported(),
    metadata: metadata(),
    plan: text(),
    price: text(),
    price_data: priceData,
    quantity: integer(0),
    tax_rates: unsupported(),
  }),
  20,
)

const createShape = {
  add_invoice_items: unsupported(),
  application_fee_percent: unsupported(),
  automatic_tax: hash({ enabled: required(oneOf('false')), liability: ignored() }),
  backdate_start_date: unsupported(),
  billing_cycle_anchor: unsupported(),
  billing_cycle_anchor_config: unsupported(),
  billing_mode: hash({
    type: required(oneOf('classic', 'flexible')),
    flexible: hash({ proration_discounts: oneOf('included', 'itemized') }),
  }),
  billing_schedules: unsupported(),
  billing_thresholds: unsupported(),
  cancel_at: unsupported(),
  cancel_at_period_end: unsupported(),
  collection_method: oneOf('charge_automatically', 'send_invoice'),
  currency: currency(),
  customer: required(text()),
  customer_account: unsupported(),
  days_until_due: integer(0),
  default_payment_method: text(),
  default_source: unsupported(),
  default_tax_rates: unsupported(),
  description: text(500),
  discounts: unsupported(),
  invoice_settings: ignored(),
  items,
  metadata: metadata(),
  off_session: boolean(),
  on_behalf_of: unsupported(),
  payment_behavior: oneOf(
    'allow_incomplete',
    'default_incomplete',
    'error_if_incomplete',
    'pending_if_incomplete',
  ),
  payment_settings: hash({
    payment_method_options: ignored(),
    payment_method_types: list(text()),
    save_default_payment_method: oneOf('off', 'on_subscription'),
  }),
  pending_invoice_item_interval: unsupported(),
  proration_behavior: oneOf('always_invoice', 'create_prorations', 'none'),
  transfer_data: unsupported(),
  trial_end: nowOrTimestamp(),
  trial_from_plan: ignored(),
  trial_period_days: integer(0, 730),
  trial_settings: hash({
    end_behavior: required(
      hash({
        billing_cycle_anchor: ignored(),
        missing_payment_method: oneOf('cancel', 'create_invoice', 'pause'),
      }),
    ),
  }),
}

function create(account: Account, params: Parsed<typeof createShape>): Subscription {
  const customer = given(account.customers, params.customer, 'customer', 'customer')
  if (!params.items || params.items.length === 0) throw missingParameter('items')
  if (params.collection_method === 'send_invoice' && params.days_until_due === undefined)
    throw invalidRequest('When `collection_method=send_invoice`, you must pass `days_until_due`.', {
      param: 'days_until_due',
    })
  const now = account.now(customer)
  const plans = params.items.map((item, index) => {
    const param = `items[${index}]`
    const id = item.price ?? item.plan
    if (id === undefined && !item.price_data) throw missingParameter(`${param}[price]`)
    if (id !== undefined && item.price_data)
      throw badParameter('You may only specify one of these parameters: price, price_data.', {
        param: `${param}[price]`,
      })
    const price = item.price_data
      ? priceFromData(account, item.price_data, `${param}[price_data]`)
      : given(account.prices, id ?? '', 'price', `${param}[${item.price === undefined ? 'plan' : 'price'}]`)
    if (!price.recurring)
      throw invalidRequest(
        `The price specified is set to \`type=one_time\` but this field only accepts prices with \`type=recurring\`.`,
        { param: `${param}[price]` },
      )
    return { price, quantity: item.quantity ?? 1, metadata: changedMetadata({}, item.metadata) }
  })
  return subscribe(
    account,
    {
      customer,
      items: plans,
      trialEnd: trialEndOf(params, now),
      collectionMethod: params.collection_method,
      daysUntilDue: params.days_until_due,
      defaultPaymentMethod:
        params.default_payment_method === undefined
          ? undefined
          : findPaymentMethod(account, params.default_payment_method, 'default_payment_method'),
      description: params.description,
      metadata: changedMetadata({}, params.metadata),
      paymentMethodTypes: params.payment_settings?.payment_method_types,
      saveDefaultPaymentMethod: params.payment_settings?.save_default_payment_method,
      missingPaymentMethodAtTrialEnd: params.trial_settings?.end_behavior.missing_payment_method,
    },
    params.payment_behavior ?? 'allow_incomplete',
  )
}

function trialEndOf(params: Parsed<typeof createShape>, now: number): number | undefined {
  if (params.trial_end !== undefined && params.trial_period_days !== undefined)
    throw badParameter('You may only specify one of these parameters: trial_end, trial_period_days.', {
      param: 'trial_end',
    })
  if (typeof params.trial_end === 'number') {
    if (params.trial_end <= now)
      throw invalidRequest('Invalid timestamp: must be an integer Unix timestamp in the future.', {
        param: 'trial_end',
      })
    return params.trial_end
  }
  return params.trial_period_days ? now + params.trial_period_days * 24 * 60 * 60 : undefined
}

const status = oneOf(
  'active',
  'all',
  'canceled',
  'ended',
  'incomplete',
  'incomplete_expired',
  'past_due',
  'paused',
  'trialing',
  'unpaid',
)

/** Without a status Stripe lists those that have not ended. */
function hasStatus(subscription: Subscription, wanted: string | undefined): boolean {
  const ended = subscription.status === 'canceled' || subscription.status === 'incomplete_expired'
  if (wanted === 'all') return true
  if (wanted === 'ended') return ended
  return wanted === undefined ? subscription.status !== 'canceled' : subscription.status === wanted
}

export const subscriptionRoutes = [
  route('POST', '/v1/subscriptions', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/subscriptions',
    {
      ...pagingByTime,
      automatic_tax: ignored(),
      collection_method: oneOf('charge_automatically', 'send_invoice'),
      current_period_end: range(),
      current_period_start: range(),
      customer: text(),
      price: text(),
      status,
      test_clock: text(),
    },
    ({ account, params }) => {
      const { subscriptions, subscriptionItems } = account
      const found =
        params.customer !== undefined
          ? subscriptions.where('customer', params.customer)
          : params.test_clock !== undefined
            ? subscriptions.where('test_clock', params.test_clock)
            : subscriptions.all()
      return pageOf(
        found.filter((subscription) => {
          const itemsOf = subscriptionItems.where('subscription', subscription.id)
          return (
            hasStatus(subscription, params.status) &&
            // Without a customer, Stripe leaves those with a clock out of lists that do not ask for that clock.
            (params.customer !== undefined && params.test_clock === undefined
              ? true
              : subscription.test_clock === (params.test_clock ?? null)) &&
            within(subscription.created, params.created) &&
            itemsOf.some((item) => within(item.current_period_end, params.current_period_end)) &&
            itemsOf.some((item) => within(item.current_period_start, params.current_period_start)) &&
            (params.price === undefined || itemsOf.some(({ price }) => price === params.price)) &&
            (params.collection_method === undefined ||
              subscription.collection_method === params.collection_method)
          )
        }),
        params,
        '/v1/subscriptions',
      )
    },
  ),
  route(
    'GET',
    '/v1/subscriptions/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.subscriptions.all(), params, '/v1/subscriptions/search'),
  ),
  route('GET', '/v1/subscriptions/:id', {}, ({ account, path }) =>
    named(account.subscriptions, path('id'), 'subscription'),
  ),
  route(
    'DELETE',
    '/v1/subscriptions/:id',
    {
      cancellation_details: cancellationDetails,
      invoice_now: unsupported(),
      prorate: unsupported(),
    },
    ({ account, params, path }) => {
      const subscription = named(account.subscriptions, path('id'), 'subscription')
      if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
        throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.')
      cancelSubscription(account, subscription, params.cancellation_details)
      return subscription
    },
  ),
  route(
    'GET',
    '/v1/subscription_items',
    { ...paging, subscription: required(text()) },
    ({ account, params }) => {
      const { id } = given(account.subscriptions, params.subscription, 'subscription', 'subscription')
      const found = account.subscriptionItems.where('subscription', id)
      return pageOf(found.toReversed(), params, `/v1/subscription_items?subscription=${id}`)
    },
  ),
  route('GET', '/v1/subscription_items/:id', {}, ({ account, path }) =>
    named(account.subscriptionItems, path('id'), 'subscription_item'),
  ),
]
