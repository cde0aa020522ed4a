import { hash, oneOf, required, timestamp } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { pauseSubscription, resumeSubscription } from '../processes/pausing.ts'
import { named } from './find.ts'
import { billingCycleAnchor } from './subscription-update-parameters.ts'

/** How a pause is billed. */
const pauseShape = {
  bill_for: hash({
    // There are no metered prices whose usage could be outstanding.
    outstanding_usage_through: hash({ type: required(oneOf('none', 'now')) }),
    unused_time_from: hash({ type: required(oneOf('item_current_period_start', 'none', 'now')) }),
  }),
  invoicing_behavior: oneOf('invoice', 'pending_invoice_item'),
  type: oneOf('subscription'),
}

export const subscriptionPauseRoutes = [
  route('POST', '/v1/subscriptions/:id/pause', pauseShape, ({ account, params, path }) => {
    const subscription = named(account.subscriptions, path('id'), 'subscription')
    pauseSubscription(account, subscription, {
      creditsFrom: params.bill_for?.unused_time_from?.type ?? 'now',
      invoicesNow: params.invoicing_behavior === 'invoice',
    })
    return subscription
  }),
  route(
    'POST',
    '/v1/subscriptions/:id/resume',
    {
      billing_cycle_anchor: billingCycleAnchor,
      payment_behavior: oneOf('resume_on_payment_attempt', 'resume_on_payment_success'),
      proration_behavior: oneOf('always_invoice', 'create_prorations', 'none'),
      proration_date: timestamp(),
    },
    ({ account, params, path }) => {
      const subscription = named(account.subscriptions, path('id'), 'subscription')
      resumeSubscription(
        account,
        subscription,
        {
          resetsAnchor: params.billing_cycle_anchor !== 'unchanged',
          prorations: params.proration_behavior ?? 'create_prorations',
          prorationDate: params.proration_date,
        },
        params.payment_behavior === 'resume_on_payment_success' ? 'payment_success' : 'payment_attempt',
      )
      return subscription
    },
  ),
]
