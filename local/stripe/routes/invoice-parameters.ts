import {
  boolean,
  clearable,
  currency,
  hash,
  ignored,
  integer,
  metadata,
  oneOf,
  required,
  text,
  timestamp,
  unsupported,
} from '../http/parameters.ts'
import { taxRates } from './tax-rates.ts'

/** What a caller may say of any invoice. */
export const shared = {
  account_tax_ids: unsupported(),
  application_fee_amount: unsupported(),
  auto_advance: boolean(),
  automatic_tax: hash({ enabled: required(oneOf('false')), liability: ignored() }),
  automatically_finalizes_at: unsupported(),
  collection_method: oneOf('charge_automatically', 'send_invoice'),
  custom_fields: unsupported(),
  days_until_due: integer(0),
  default_payment_method: clearable(text()),
  default_source: unsupported(),
  default_tax_rates: taxRates,
  description: clearable(text()),
  discounts: unsupported(),
  due_date: timestamp(),
  effective_at: ignored(),
  footer: clearable(text()),
  issuer: ignored(),
  metadata: metadata(),
  number: unsupported(),
  on_behalf_of: unsupported(),
  payment_settings: ignored(),
  rendering: ignored(),
  shipping_cost: unsupported(),
  shipping_details: unsupported(),
  statement_descriptor: clearable(text(22)),
  transfer_data: unsupported(),
}

export const createShape = {
  ...shared,
  currency: currency(),
  customer: text(),
  customer_account: unsupported(),
  from_invoice: unsupported(),
  pending_invoice_items_behavior: oneOf('exclude', 'include'),
  subscription: unsupported(),
}

export const payShape = {
  forgive: boolean(),
  mandate: ignored(),
  off_session: boolean(),
  paid_out_of_band: boolean(),
  payment_method: text(),
  source: unsupported(),
}
