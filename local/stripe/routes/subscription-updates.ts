import type { Account } from '../account.ts'
import { invalidRequest, missingParameter, notSupportedHere } from '../http/errors.ts'
import {
  boolean,
  clearable,
  either,
  hash,
  ignored,
  integer,
  list,
  metadata,
  nowOrTimestamp,
  oneOf,
  required,
  text,
  timestamp,
  unsupported,
  type Field,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { changedMetadata } from '../objects/shared.ts'
import type { Subscription } from '../objects/subscription.ts'
import { changeSubscription, type WhenUnpaid } from '../processes/changing-subscription.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import type { SubscriptionChange } from '../processes/planning-change.ts'
import { planResumption, planTrialNotice } from '../processes/subscription-status.ts'
import type { ItemChange } from '../processes/prorating.ts'
import { given, named } from './find.ts'
import { priceData, priceFromData } from './prices.ts'

/** Items as an update names them, those that it changes alone. */
export const changedItems = list(
  hash({
    billing_thresholds: unsupported(),
    clear_usage: unsupported(),
    current_trial: unsupported(),
    deleted: boolean(),
    discounts: unsupported(),
    id: text(),
    metadata: metadata(),
    plan: text(),
    price: text(),
    price_data: priceData,
    quantity: integer(0),
    tax_rates: unsupported(),
  }),
  20,
)

const feedback = oneOf(
  'customer_service',
  'low_quality',
  'missing_features',
  'other',
  'switched_service',
  'too_complex',
  'too_expensive',
  'unused',
)

export const cancellationDetails = hash({ comment: clearable(text()), feedback: clearable(feedback) })

const anchor = oneOf('now', 'unchanged')

/** `{ type: 'now' }`, where clients of versions before 2026-09-30 send the bare word. */
export const billingCycleAnchor: Field<'now' | 'unchanged'> = {
  read: (raw, path) =>
    typeof raw === 'string' ? anchor.read(raw, path) : hash({ type: required(anchor) }).read(raw, path).type,
}

export const cancelAt = clearable(
  either(
    oneOf('max_period_end', 'min_period_end'),
    (raw) => typeof raw === 'string' && raw.endsWith('_period_end'),
    timestamp(),
  ),
)

const shape = {
  add_invoice_items: unsupported(),
  application_fee_percent: unsupported(),
  automatic_tax: hash({ enabled: required(oneOf('false')), liability: ignored() }),
  billing_cycle_anchor: billingCycleAnchor,
  billing_schedules: unsupported(),
  billing_thresholds: unsupported(),
  cancel_at: cancelAt,
  cancel_at_period_end: boolean(),
  cancellation_details: cancellationDetails,
  collection_method: oneOf('charge_automatically', 'send_invoice'),
  days_until_due: integer(0),
  default_payment_method: clearable(text()),
  default_source: unsupported(),
  default_tax_rates: unsupported(),
  description: clearable(text(500)),
  discounts: unsupported(),
  invoice_settings: ignored(),
  items: changedItems,
  metadata: metadata(),
  off_session: boolean(),
  on_behalf_of: unsupported(),
  pause_collection: clearable(
    hash({
      behavior: required(oneOf('keep_as_draft', 'mark_uncollectible', 'void')),
      resumes_at: timestamp(),
    }),
  ),
  payment_behavior: oneOf(
    'allow_incomplete',
    'default_incomplete',
    'error_if_incomplete',
    'pending_if_incomplete',
  ),
  payment_settings: hash({
    payment_method_options: ignored(),
    payment_method_types: ignored(),
    save_default_payment_method: oneOf('off', 'on_subscription'),
  }),
  pending_invoice_item_interval: unsupported(),
  proration_behavior: oneOf('always_invoice', 'create_prorations', 'none'),
  proration_date: timestamp(),
  transfer_data: unsupported(),
  trial_end: nowOrTimestamp(),
  trial_from_plan: ignored(),
  trial_settings: hash({
    end_behavior: required(
      hash({
        billing_cycle_anchor: ignored(),
        missing_payment_method: oneOf('cancel', 'create_invoice', 'pause'),
      }),
    ),
  }),
}

type Wanted = Partial<Parsed<typeof shape>>

function update(account: Account, subscription: Subscription, params: Wanted): Subscription {
  const ended = subscription.status === 'canceled' || subscription.status === 'incomplete_expired'
  const others = Object.keys(params).some((name) => name !== 'metadata' && name !== 'cancellation_details')
  if (ended && others)
    throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.')
  if (params.cancel_at !== undefined || params.cancel_at_period_end !== undefined)
    refuseWhileScheduled(subscription)
  if (params.payment_behavior === 'default_incomplete')
    throw notSupportedHere(
      'payment_behavior=default_incomplete when a subscription changes',
      'payment_behavior',
    )
  if (params.payment_behavior === 'pending_if_incomplete') requireSupportedByPendingUpdates(params)
  if (typeof params.trial_end === 'number' && subscription.status !== 'trialing')
    throw notSupportedHere('a new trial for a subscription that has none', 'trial_end')
  const whenUnpaid = whenUnpaidOf[params.payment_behavior ?? 'allow_incomplete']
  changeSubscription(account, subscription, changeOf(account, subscription, params), whenUnpaid)
  if (params.pause_collection !== undefined) planResumption(account, subscription)
  if (params.trial_end !== undefined) planTrialNotice(account, subscription)
  return subscription
}

/** A subscription that follows a schedule ends by it, and not otherwise: who wants to end it releases the schedule first. */
export function refuseWhileScheduled({ schedule }: Subscription): void {
  if (schedule)
    throw invalidRequest(
      `The subscription is managed by the subscription schedule \`${schedule}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    )
}

const whenUnpaidOf: Record<'allow_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete', WhenUnpaid> =
  {
    allow_incomplete: 'change_anyway',
    error_if_incomplete: 'refuse',
    pending_if_incomplete: 'wait',
  }

/** https://docs.stripe.com/billing/subscriptions/pending-updates#supported-attributes */
const supportedByPendingUpdates = new Set([
  'payment_behavior',
  'proration_behavior',
  'proration_date',
  'billing_cycle_anchor',
  'items',
  'trial_end',
  'trial_from_plan',
  // It says who is there to authenticate, and changes nothing of the subscription.
  'off_session',
])
const supportedOfItems = new Set(['id', 'price', 'price_data', 'plan', 'quantity', 'deleted'])

function requireSupportedByPendingUpdates(params: Wanted): void {
  const names = [
    ...Object.keys(params).filter((name) => !supportedByPendingUpdates.has(name)),
    ...(params.items ?? []).flatMap((item, index) =>
      Object.keys(item)
        .filter((name) => !supportedOfItems.has(name))
        .map((name) => `items[${index}][${name}]`),
    ),
  ]
  if (names.length > 0)
    throw invalidRequest(
      `When \`payment_behavior\` is \`pending_if_incomplete\`, only parameters that pending updates support can be passed. Not supported: ${names.join(', ')}. See https://docs.stripe.com/billing/subscriptions/pending-updates-reference.`,
      { param: names[0] },
    )
}

/** What the parameters ask for.
 *  @param parent where they stand in the request, as `subscription_details` of a preview */
export function changeOf(
  account: Account,
  subscription: Subscription,
  params: Wanted,
  parent = '',
): SubscriptionChange {
  return {
    fields: fieldsOf(account, subscription, params),
    items: (params.items ?? []).map((item, index) =>
      itemChange(
        account,
        subscription,
        item,
        parent === '' ? `items[${index}]` : `${parent}[items][${index}]`,
      ),
    ),
    prorations: params.proration_behavior ?? 'create_prorations',
    prorationDate: params.proration_date,
    resetsAnchor: params.billing_cycle_anchor === 'now',
    trialEnd: params.trial_end,
    cancelAt: cancelAtOf(subscription, params),
  }
}

function cancelAtOf(subscription: Subscription, params: Wanted): SubscriptionChange['cancelAt'] {
  if (params.cancel_at !== undefined && params.cancel_at_period_end)
    throw invalidRequest('You cannot set `cancel_at` and `cancel_at_period_end` at the same time.', {
      param: 'cancel_at_period_end',
    })
  if (params.cancel_at_period_end) return 'period_end'
  if (params.cancel_at !== undefined) return params.cancel_at
  return params.cancel_at_period_end === false && subscription.cancel_at_period_end ? null : undefined
}

function fieldsOf(account: Account, subscription: Subscription, params: Wanted): Partial<Subscription> {
  const details = params.cancellation_details
  return {
    ...(params.metadata !== undefined && {
      metadata: changedMetadata(subscription.metadata, params.metadata),
    }),
    ...(params.description !== undefined && { description: params.description }),
    ...(params.collection_method !== undefined && { collection_method: params.collection_method }),
    ...(params.pause_collection !== undefined && {
      pause_collection: params.pause_collection && {
        behavior: params.pause_collection.behavior,
        resumes_at: params.pause_collection.resumes_at ?? null,
      },
    }),
    ...(params.trial_settings?.end_behavior.missing_payment_method !== undefined && {
      trial_settings: {
        end_behavior: {
          ...subscription.trial_settings.end_behavior,
          missing_payment_method: params.trial_settings.end_behavior.missing_payment_method,
        },
      },
    }),
    ...(params.days_until_due !== undefined && { days_until_due: params.days_until_due }),
    ...(params.default_payment_method !== undefined && {
      default_payment_method:
        params.default_payment_method &&
        findPaymentMethod(account, params.default_payment_method, 'default_payment_method').id,
    }),
    ...(details && {
      cancellation_details: {
        ...subscription.cancellation_details,
        ...(details.comment !== undefined && { comment: details.comment }),
        ...(details.feedback !== undefined && { feedback: details.feedback }),
      },
    }),
    ...(params.payment_settings?.save_default_payment_method !== undefined && {
      payment_settings: {
        ...subscription.payment_settings,
        save_default_payment_method: params.payment_settings.save_default_payment_method,
      },
    }),
  }
}

function itemChange(
  account: Account,
  subscription: Subscription,
  wanted: NonNullable<Wanted['items']>[number],
  param: string,
): ItemChange {
  const item =
    wanted.id === undefined
      ? undefined
      : given(account.subscriptionItems, wanted.id, 'subscription_item', `${param}[id]`)
  if (item && item.subscription !== subscription.id)
    throw invalidRequest(
      `The subscription item ${item.id} does not belong to the subscription ${subscription.id}.`,
      {
        param: `${param}[id]`,
      },
    )
  const id = wanted.price ?? wanted.plan ?? item?.price
  if (id === undefined && !wanted.price_data) throw missingParameter(`${param}[price]`)
  const price = wanted.price_data
    ? priceFromData(account, wanted.price_data, `${param}[price_data]`)
    : given(account.prices, id ?? '', 'price', `${param}[price]`)
  if (!price.recurring || price.currency !== subscription.currency)
    throw invalidRequest(
      price.recurring
        ? 'The price specified has another currency than the subscription.'
        : 'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
      { param: `${param}[price]` },
    )
  if (item && wanted.metadata !== undefined)
    account.subscriptionItems.change(item, { metadata: changedMetadata(item.metadata, wanted.metadata) })
  return {
    item,
    price,
    quantity: wanted.quantity ?? item?.quantity ?? 1,
    deleted: wanted.deleted ?? false,
  }
}

export const subscriptionUpdateRoutes = [
  route('POST', '/v1/subscriptions/:id', shape, ({ account, params, path }) =>
    update(account, named(account.subscriptions, path('id'), 'subscription'), params),
  ),
]
