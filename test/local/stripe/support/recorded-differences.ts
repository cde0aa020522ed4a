/**
 * Where an answer of the local Stripe may differ from a recording, and why. Fields are named from the nearest object
 * that says what it is (`charge.outcome.risk_score`), so that an entry holds wherever that object appears.
 */
interface Entry {
  field: RegExp
  because: string
}

/** Values of the recorded account, of chance, or of a time before the flow: present on both sides, but not compared. */
export const undetermined: Entry[] = [
  { field: /^(price|plan|product|coupon)\.created$/, because: 'made before the flow began' },
  { field: /^coupon\.times_redeemed$/, because: 'counts what was redeemed before the flow began' },
  { field: /^invoice\.account_name$/, because: 'the name of the recorded account' },
  {
    field: /^checkout\.session\.branding_settings\.display_name$/,
    because: 'the name of the recorded account',
  },
  {
    field: /^charge\.calculated_statement_descriptor$/,
    because: 'the statement descriptor of the recorded account',
  },
  { field: /^charge\.outcome\.risk_score$/, because: 'given by Radar' },
  { field: /\.card\.(authorization_code|network_transaction_id)$/, because: 'given by the card network' },
]

/**
 * Fields that came with a later API version than a recording's, from the changelog of the SDK; `since` is the date of
 * the version that brought them. That they are there now is held by the SDK's type declarations.
 */
export const newerFields: { field: RegExp; since: string }[] = [
  {
    field:
      /^(customer|payment_method|subscription|invoice|invoiceitem|payment_intent|setup_intent|discount)\.customer_account$/,
    since: '2025-12-15',
  },
  { field: /^line_item\.subtotal$/, since: '2025-12-15' },
  {
    field: /^payment_intent\.payment_method_options\.us_bank_account\.transaction_purpose$/,
    since: '2026-03-25',
  },
  { field: /^(line_item|invoiceitem)\.quantity_decimal$/, since: '2026-03-25' },
  {
    field: /^(checkout\.session|payment_intent|setup_intent|subscription)\.managed_payments$/,
    since: '2026-04-22',
  },
  { field: /^subscription\.billing_schedules$/, since: '2026-05-27' },
  { field: /^invoice\.amount_paid_off_stripe$/, since: '2026-05-27' },
  { field: /^subscription\.invoice_settings\.(custom_fields|description|footer)$/, since: '2026-06-24' },
  { field: /^charge\.payment_method_details\.card\.transaction_link_id$/, since: '2026-06-24' },
  { field: /^(payment_intent|setup_intent)\.allowed_payment_method_types$/, since: '2026-07-29' },
  { field: /^subscription\.cancellation_details\.feedback_option$/, since: '2026-08-26' },
  { field: /^checkout\.session\.allowed_payment_method_types$/, since: '2026-09-30' },
  { field: /^payment_intent\.payment_record$/, since: '2026-09-30' },
  { field: /^charge\.payment_method_details\.card\.electronic_commerce_indicator$/, since: '2026-09-30' },
  { field: /^subscription_item\.current_trial$/, since: '2026-09-30' },
  { field: /^subscription\.trial_settings\.end_behavior\.billing_cycle_anchor$/, since: '2026-09-30' },
]
