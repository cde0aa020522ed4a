import type { Account } from '../account.ts'
import { invalidRequest, missingParameter, notSupportedHere } from '../http/errors.ts'
import { route } from '../http/router.ts'
import { changedMetadata } from '../objects/shared.ts'
import type { Subscription } from '../objects/subscription.ts'
import { changeSubscription, type WhenUnpaid } from '../processes/changing-subscription.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import type { SubscriptionChange } from '../processes/planning-change.ts'
import { planResumption, planTrialNotice } from '../processes/subscription-status.ts'
import type { ItemChange } from '../processes/prorating.ts'
import { given, named } from './find.ts'
import { priceFromData } from './prices.ts'
import {
  requireSupportedByPendingUpdates,
  updateShape,
  type WantedUpdate,
} from './subscription-update-parameters.ts'
import { taxRatesNamed } from './tax-rates.ts'

function update(account: Account, subscription: Subscription, params: WantedUpdate): Subscription {
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

/** What the parameters ask for.
 *  @param parent where they stand in the request, as `subscription_details` of a preview */
export function changeOf(
  account: Account,
  subscription: Subscription,
  params: WantedUpdate,
  parent = '',
): SubscriptionChange {
  const { status } = subscription
  if (typeof params.trial_end === 'number' && status !== 'trialing' && status !== 'active')
    throw notSupportedHere(`a new trial for a subscription that is ${status}`, 'trial_end')
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

function cancelAtOf(subscription: Subscription, params: WantedUpdate): SubscriptionChange['cancelAt'] {
  if (params.cancel_at !== undefined && params.cancel_at_period_end)
    throw invalidRequest('You cannot set `cancel_at` and `cancel_at_period_end` at the same time.', {
      param: 'cancel_at_period_end',
    })
  if (params.cancel_at_period_end) return 'period_end'
  if (params.cancel_at !== undefined) return params.cancel_at
  return params.cancel_at_period_end === false && subscription.cancel_at_period_end ? null : undefined
}

function fieldsOf(account: Account, subscription: Subscription, params: WantedUpdate): Partial<Subscription> {
  const details = params.cancellation_details
  return {
    ...(params.metadata !== undefined && {
      metadata: changedMetadata(subscription.metadata, params.metadata),
    }),
    ...(params.description !== undefined && { description: params.description }),
    ...(params.default_tax_rates !== undefined && {
      default_tax_rates: taxRatesNamed(account, params.default_tax_rates, 'default_tax_rates'),
    }),
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
  wanted: NonNullable<WantedUpdate['items']>[number],
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
  route('POST', '/v1/subscriptions/:id', updateShape, ({ account, params, path }) =>
    update(account, named(account.subscriptions, path('id'), 'subscription'), params),
  ),
]
