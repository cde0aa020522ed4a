import { invalidRequest } from '../http/errors.ts'
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
import { priceData } from './prices.ts'
import { taxRates } from './tax-rates.ts'

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

export const updateShape = {
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
  default_tax_rates: taxRates,
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

/** What an update asks for, or the part of it that a preview takes too. */
export type WantedUpdate = Partial<Parsed<typeof updateShape>>

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

/** @throws StripeError for what must not wait for a payment */
export function requireSupportedByPendingUpdates(params: WantedUpdate): void {
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
