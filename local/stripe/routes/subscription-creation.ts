import type { Account } from '../account.ts'
import { intervalsAfter } from '../calendar.ts'
import { badParameter, invalidRequest, missingParameter, notSupportedHere } from '../http/errors.ts'
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
  required,
  text,
  timestamp,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import type { Price } from '../objects/price.ts'
import { changedMetadata } from '../objects/shared.ts'
import type { Subscription } from '../objects/subscription.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import { subscribe } from '../processes/subscribing.ts'
import { given } from './find.ts'
import { priceData, priceFromData } from './prices.ts'
import { cancelAt } from './subscription-update-parameters.ts'
import { taxRates, taxRatesNamed } from './tax-rates.ts'

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

const shape = {
  add_invoice_items: unsupported(),
  application_fee_percent: unsupported(),
  automatic_tax: hash({ enabled: required(oneOf('false')), liability: ignored() }),
  backdate_start_date: unsupported(),
  billing_cycle_anchor: timestamp(),
  billing_cycle_anchor_config: unsupported(),
  billing_mode: hash({
    type: required(oneOf('classic', 'flexible')),
    flexible: hash({ proration_discounts: oneOf('included', 'itemized') }),
  }),
  billing_schedules: unsupported(),
  billing_thresholds: unsupported(),
  cancel_at: cancelAt,
  cancel_at_period_end: boolean(),
  collection_method: oneOf('charge_automatically', 'send_invoice'),
  currency: currency(),
  customer: required(text()),
  customer_account: unsupported(),
  days_until_due: integer(0),
  default_payment_method: text(),
  default_source: unsupported(),
  default_tax_rates: taxRates,
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

function create(account: Account, params: Parsed<typeof shape>): Subscription {
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
  if (params.cancel_at !== undefined && params.cancel_at_period_end)
    throw invalidRequest('You cannot set `cancel_at` and `cancel_at_period_end` at the same time.', {
      param: 'cancel_at_period_end',
    })
  return subscribe(
    account,
    {
      customer,
      items: plans,
      trialEnd: trialEndOf(params, now),
      anchor: anchorOf(params, plans, now),
      prorates: params.proration_behavior !== 'none',
      cancelAt: params.cancel_at_period_end ? 'period_end' : (params.cancel_at ?? undefined),
      collectionMethod: params.collection_method,
      daysUntilDue: params.days_until_due,
      defaultPaymentMethod:
        params.default_payment_method === undefined
          ? undefined
          : findPaymentMethod(account, params.default_payment_method, 'default_payment_method'),
      defaultTaxRates: taxRatesNamed(account, params.default_tax_rates ?? null, 'default_tax_rates'),
      description: params.description,
      metadata: changedMetadata({}, params.metadata),
      paymentMethodTypes: params.payment_settings?.payment_method_types,
      saveDefaultPaymentMethod: params.payment_settings?.save_default_payment_method,
      missingPaymentMethodAtTrialEnd: params.trial_settings?.end_behavior.missing_payment_method,
    },
    params.payment_behavior ?? 'allow_incomplete',
  )
}

function trialEndOf(params: Parsed<typeof shape>, now: number): number | undefined {
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

/** A billing cycle may begin later than the subscription, though not later than its first whole period would end
 *  (https://docs.stripe.com/billing/subscriptions/billing-cycle). */
function anchorOf(
  { billing_cycle_anchor: anchor, ...params }: Parsed<typeof shape>,
  items: { price: Price }[],
  now: number,
): number | undefined {
  if (anchor === undefined) return undefined
  if (params.trial_end !== undefined || params.trial_period_days !== undefined)
    throw notSupportedHere('a billing_cycle_anchor together with a trial', 'billing_cycle_anchor')
  const ends = items.map(({ price }) => price.recurring && intervalsAfter(now, price.recurring, 1))
  if (anchor < now || ends.some((end) => end !== null && anchor > end))
    throw invalidRequest(
      '`billing_cycle_anchor` must be a future timestamp before the end of the first full period.',
      { param: 'billing_cycle_anchor' },
    )
  return anchor
}

export const subscriptionCreationRoutes = [
  route('POST', '/v1/subscriptions', shape, ({ account, params }) => create(account, params)),
]
