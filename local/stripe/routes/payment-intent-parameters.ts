import {
  boolean,
  clearable,
  currency,
  either,
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
  unsupported,
  url,
  type Parsed,
} from '../http/parameters.ts'
import type { PaymentIntent } from '../objects/payment-intent.ts'
import { shipping } from './customers.ts'
import { paymentMethodData } from './payment-methods.ts'

const shared = {
  allowed_payment_method_types: list(text()),
  amount_details: ignored(),
  application_fee_amount: unsupported(),
  capture_method: oneOf('automatic', 'automatic_async', 'manual'),
  customer: text(),
  customer_account: unsupported(),
  description: clearable(text(1000)),
  excluded_payment_method_types: ignored(),
  hooks: unsupported(),
  metadata: metadata(),
  payment_details: ignored(),
  payment_method: clearable(text()),
  payment_method_configuration: ignored(),
  payment_method_data: hash(paymentMethodData),
  payment_method_options: ignored(),
  payment_method_types: goneSince('2026-09-30.endive', list(text())),
  receipt_email: clearable(email()),
  setup_future_usage: clearable(oneOf('off_session', 'on_session')),
  shipping: clearable(shipping),
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
  transfer_data: unsupported(),
  transfer_group: text(),
}

/** `true`, `false`, or why the customer is absent. */
const offSession = either(
  boolean(),
  (raw) => raw === 'true' || raw === 'false',
  oneOf('one_off', 'recurring'),
)

const confirmation = {
  confirmation_token: unsupported(),
  error_on_requires_action: boolean(),
  mandate: ignored(),
  mandate_data: ignored(),
  off_session: offSession,
  radar_options: ignored(),
  return_url: url(),
  use_stripe_sdk: ignored(),
}

export const createShape = {
  ...shared,
  ...confirmation,
  amount: required(integer()),
  automatic_payment_methods: hash({
    enabled: required(boolean()),
    allow_redirects: oneOf('always', 'never'),
  }),
  confirm: boolean(),
  confirmation_method: oneOf('automatic', 'manual'),
  currency: required(currency()),
  on_behalf_of: unsupported(),
}

export const updateShape = { ...shared, amount: integer(), currency: currency() }
export const confirmShape = {
  ...confirmation,
  amount_details: ignored(),
  amount_to_confirm: unsupported(),
  allowed_payment_method_types: ignored(),
  capture_method: oneOf('automatic', 'automatic_async', 'manual'),
  client_secret: text(),
  excluded_payment_method_types: ignored(),
  hooks: unsupported(),
  payment_details: ignored(),
  payment_method: text(),
  payment_method_data: hash(paymentMethodData),
  payment_method_options: ignored(),
  payment_method_types: goneSince('2026-09-30.endive', list(text())),
  receipt_email: clearable(email()),
  setup_future_usage: clearable(oneOf('off_session', 'on_session')),
  shipping: clearable(shipping),
}

export type Confirmation = Parsed<typeof confirmation> & {
  capture_method?: PaymentIntent['capture_method'] | undefined
}

export type MethodGiven = Pick<Parsed<typeof shared>, 'payment_method' | 'payment_method_data'>
