import { newId } from '../store/ids.ts'
import type { CollectionMethod } from './invoice.ts'
import type { Metadata } from './shared.ts'
import type { SubscriptionItem } from './subscription-item.ts'

export type SubscriptionStatus =
  'incomplete' | 'incomplete_expired' | 'trialing' | 'active' | 'past_due' | 'canceled' | 'unpaid' | 'paused'

export interface NewSubscription {
  now: number
  customer: string
  testClock: string | null
  currency: string
  status: SubscriptionStatus
  billingCycleAnchor: number
  collectionMethod?: CollectionMethod | undefined
  daysUntilDue?: number | null | undefined
  defaultPaymentMethod?: string | null | undefined
  defaultTaxRates?: string[] | undefined
  description?: string | null | undefined
  metadata?: Metadata
  trialEnd?: number | null | undefined
  paymentMethodTypes?: string[] | null | undefined
  saveDefaultPaymentMethod?: 'off' | 'on_subscription' | undefined
  missingPaymentMethodAtTrialEnd?: 'cancel' | 'create_invoice' | 'pause' | undefined
}

/** A change that waits for the payment of its invoice: what the subscription and all its items then become. */
export interface PendingChange {
  invoice: string
  expiresAt: number
  /** Set where a paused subscription waits to be resumed: by a payment alone, or by any attempt at one. */
  resumesOn: 'payment_success' | 'payment_attempt' | null
  fields: { billing_cycle_anchor?: number; status?: SubscriptionStatus; trial_end?: number | null }
  items: SubscriptionItem[]
}

/** What becomes of the invoices while nothing is to be collected. */
export interface PauseCollection {
  behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void'
  resumes_at: number | null
}

export type Subscription = ReturnType<typeof newSubscription>

/** Its items are objects of their own and join it when it is shown. */
export function newSubscription(given: NewSubscription) {
  return {
    id: newId('sub'),
    object: 'subscription' as const,
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: given.billingCycleAnchor,
    billing_cycle_anchor_config: null,
    billing_mode: {
      flexible: { proration_discounts: 'included' },
      type: 'flexible',
      updated_at: given.now,
    },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null as number | null,
    cancel_at_period_end: false,
    canceled_at: null as number | null,
    cancellation_details: {
      comment: null as string | null,
      feedback: null as string | null,
      feedback_option: null,
      reason: null as string | null,
    },
    collection_method: given.collectionMethod ?? 'charge_automatically',
    created: given.now,
    currency: given.currency,
    customer: given.customer,
    customer_account: null,
    days_until_due: given.daysUntilDue ?? null,
    default_payment_method: given.defaultPaymentMethod ?? null,
    default_source: null,
    default_tax_rates: given.defaultTaxRates ?? [],
    description: given.description ?? null,
    discounts: [] as string[],
    ended_at: null as number | null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    latest_invoice: null as string | null,
    livemode: false,
    managed_payments: { enabled: false },
    metadata: given.metadata ?? {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null as PauseCollection | null,
    payment_settings: {
      payment_method_options: given.paymentMethodTypes ? cardOptionsOnly : null,
      payment_method_types: given.paymentMethodTypes ?? null,
      save_default_payment_method: given.saveDefaultPaymentMethod ?? 'off',
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null as string | null,
    schedule: null as string | null,
    start_date: given.now,
    status: given.status,
    test_clock: given.testClock,
    transfer_data: null,
    trial_end: given.trialEnd ?? null,
    trial_settings: {
      end_behavior: {
        billing_cycle_anchor: null,
        missing_payment_method: given.missingPaymentMethodAtTrialEnd ?? 'create_invoice',
      },
    },
    trial_start: given.trialEnd ? given.now : null,
    hidden: {
      /** Shown as `pending_update`. */
      pendingChange: null as PendingChange | null,
      /** Shown as `status_details` while it is paused. */
      paused: null as { reason: 'pause_requested' | 'trial_end_without_payment_method'; at: number } | null,
    },
  }
}

/** Once its methods are chosen, as by Checkout, a subscription shows the options of all that could have been. */
const cardOptionsOnly = {
  acss_debit: null,
  bancontact: null,
  card: { network: null, request_three_d_secure: 'automatic' },
  customer_balance: null,
  konbini: null,
  payto: null,
  pix: null,
  sepa_debit: null,
  upi: null,
  us_bank_account: null,
}
