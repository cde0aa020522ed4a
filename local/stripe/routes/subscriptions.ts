import { invalidRequest } from '../http/errors.ts'
import { pageOf, pagingByTime, paging, within } from '../http/lists.ts'
import { boolean, ignored, integer, oneOf, range, required, text } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import type { Subscription } from '../objects/subscription.ts'
import { cancelAndSettle } from '../processes/canceling.ts'
import { given, named } from './find.ts'
import { cancellationDetails } from './subscription-update-parameters.ts'
import { refuseWhileScheduled } from './subscription-updates.ts'

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
      invoice_now: boolean(),
      prorate: boolean(),
    },
    ({ account, params, path }) => {
      const subscription = named(account.subscriptions, path('id'), 'subscription')
      if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
        throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.')
      refuseWhileScheduled(subscription)
      cancelAndSettle(
        account,
        subscription,
        { prorate: params.prorate ?? false, invoiceNow: params.invoice_now ?? false },
        params.cancellation_details,
      )
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
