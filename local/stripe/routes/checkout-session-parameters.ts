import { invalidRequest } from '../http/errors.ts'
import {
  boolean,
  currency,
  email,
  goneSince,
  hash,
  ignored,
  integer,
  list,
  metadata,
  oneOf,
  required,
  text,
  timestamp,
  unsupported,
  url,
  type Parsed,
} from '../http/parameters.ts'
import { shipping } from './customers.ts'
import { priceData } from './prices.ts'

const lineItems = list(
  hash({
    adjustable_quantity: hash({ enabled: boolean(), minimum: integer(0), maximum: integer(0) }),
    dynamic_tax_rates: unsupported(),
    metadata: metadata(),
    price: text(),
    price_data: priceData,
    quantity: integer(0, 1_000_000),
    tax_rates: unsupported(),
  }),
  100,
)

const paymentIntentData = hash({
  application_fee_amount: unsupported(),
  capture_method: oneOf('automatic', 'automatic_async', 'manual'),
  description: text(1000),
  metadata: metadata(),
  on_behalf_of: unsupported(),
  receipt_email: email(),
  setup_future_usage: oneOf('off_session', 'on_session'),
  shipping,
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
  transfer_data: unsupported(),
  transfer_group: text(),
})

const subscriptionData = hash({
  application_fee_percent: unsupported(),
  billing_cycle_anchor: unsupported(),
  billing_cycle_anchor_config: unsupported(),
  billing_mode: hash({
    type: required(oneOf('classic', 'flexible')),
    flexible: hash({ proration_discounts: oneOf('included', 'itemized') }),
  }),
  default_tax_rates: unsupported(),
  description: text(500),
  invoice_settings: ignored(),
  metadata: metadata(),
  on_behalf_of: unsupported(),
  pending_invoice_item_interval: unsupported(),
  proration_behavior: oneOf('create_prorations', 'none'),
  transfer_data: unsupported(),
  trial_end: timestamp(),
  trial_period_days: integer(1, 730),
  trial_settings: hash({
    end_behavior: required(
      hash({
        billing_cycle_anchor: ignored(),
        missing_payment_method: oneOf('cancel', 'create_invoice', 'pause'),
      }),
    ),
  }),
})

export const checkoutSessionParameters = {
  adaptive_pricing: ignored(),
  after_expiration: unsupported(),
  allow_promotion_codes: boolean(),
  allowed_payment_method_types: list(text()),
  automatic_tax: hash({ enabled: required(oneOf('false')), liability: ignored() }),
  billing_address_collection: oneOf('auto', 'required'),
  branding_settings: ignored(),
  cancel_url: url(),
  client_reference_id: text(200),
  consent_collection: unsupported(),
  currency: currency(),
  custom_fields: unsupported(),
  custom_text: ignored(),
  customer: text(),
  customer_account: unsupported(),
  customer_creation: oneOf('always', 'if_required'),
  customer_email: email(),
  customer_update: ignored(),
  discounts: unsupported(),
  excluded_payment_method_types: ignored(),
  expires_at: timestamp(),
  integration_identifier: ignored(),
  invoice_creation: hash({
    enabled: required(boolean()),
    invoice_data: hash({
      account_tax_ids: unsupported(),
      custom_fields: unsupported(),
      description: text(1500),
      footer: text(5000),
      issuer: ignored(),
      metadata: metadata(),
      rendering_options: ignored(),
    }),
  }),
  line_items: lineItems,
  locale: text(),
  managed_payments: ignored(),
  metadata: metadata(),
  mode: oneOf('payment', 'setup', 'subscription'),
  name_collection: ignored(),
  optional_items: unsupported(),
  origin_context: ignored(),
  payment_intent_data: paymentIntentData,
  payment_method_collection: oneOf('always', 'if_required'),
  payment_method_configuration: ignored(),
  payment_method_data: ignored(),
  payment_method_options: ignored(),
  payment_method_types: goneSince('2026-09-30.endive', list(text())),
  permissions: unsupported(),
  phone_number_collection: ignored(),
  redirect_on_completion: unsupported(),
  return_url: unsupported(),
  saved_payment_method_options: ignored(),
  setup_intent_data: hash({ description: text(1000), metadata: metadata(), on_behalf_of: unsupported() }),
  shipping_address_collection: unsupported(),
  shipping_options: unsupported(),
  submit_type: oneOf('auto', 'book', 'donate', 'pay', 'subscribe'),
  subscription_data: subscriptionData,
  success_url: url(),
  tax_id_collection: unsupported(),
  ui_mode: oneOf('hosted', 'hosted_page'),
  wallet_options: ignored(),
}

export type CheckoutSessionParameters = Parsed<typeof checkoutSessionParameters>

const dayInSeconds = 24 * 60 * 60
const halfHourInSeconds = 30 * 60

export function checkExpiry(expiresAt: number | undefined, now: number): void {
  if (expiresAt === undefined) return
  // A client's clock may be a little behind ours; Stripe is as lenient.
  if (expiresAt < now + halfHourInSeconds - 60)
    throw invalidRequest(
      'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    )
  if (expiresAt > now + dayInSeconds + 60)
    throw invalidRequest(
      'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    )
}

/** Refuses what belongs to another mode, in Stripe's words. */
export function checkModeParameters(params: CheckoutSessionParameters): void {
  const { mode } = params
  const only = (parameter: keyof CheckoutSessionParameters, modeOfIt: string): void => {
    if (params[parameter] !== undefined && mode !== modeOfIt)
      throw invalidRequest(`You can not pass \`${parameter}\` in \`${mode ?? ''}\` mode.`, {
        param: parameter,
      })
  }
  only('payment_intent_data', 'payment')
  only('invoice_creation', 'payment')
  only('subscription_data', 'subscription')
  only('setup_intent_data', 'setup')
  if (mode === 'setup' && params.line_items)
    throw invalidRequest('You can not pass `line_items` in `setup` mode.', { param: 'line_items' })
  if (mode === 'subscription' && params.customer_creation)
    throw invalidRequest('`customer_creation` can only be used in `payment` and `setup` mode.', {
      param: 'customer_creation',
    })
  const wanted = params.subscription_data
  if (wanted?.trial_end !== undefined && wanted.trial_period_days !== undefined)
    throw invalidRequest('You may only specify one of these parameters: trial_end, trial_period_days.', {
      param: 'subscription_data[trial_end]',
    })
}
