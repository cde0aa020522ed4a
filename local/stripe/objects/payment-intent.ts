import { clientSecretOf, newId } from '../store/ids.ts'
import { paymentMethodsFor, type Offered } from './payment-method-settings.ts'
import type { Shipping } from './customer.ts'
import type { Metadata } from './shared.ts'

export type PaymentIntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'canceled'
  | 'succeeded'

export type CaptureMethod = 'automatic' | 'automatic_async' | 'manual'
export type FutureUsage = 'off_session' | 'on_session'

export interface NewPaymentIntent {
  now: number
  allowedPaymentMethodTypes?: string[] | undefined
  amount: number
  currency: string
  customer?: string | null | undefined
  paymentMethod?: string | null | undefined
  captureMethod?: CaptureMethod | undefined
  confirmationMethod?: 'automatic' | 'manual' | undefined
  description?: string | null | undefined
  metadata?: Metadata
  receiptEmail?: string | null | undefined
  setupFutureUsage?: FutureUsage | null | undefined
  shipping?: Shipping | null | undefined
  statementDescriptor?: string | null | undefined
  statementDescriptorSuffix?: string | null | undefined
  transferGroup?: string | null | undefined
  /** Set for intents that the caller creates; those of invoices and Checkout choose their methods themselves. */
  automaticPaymentMethods?: { allow_redirects?: 'always' | 'never'; enabled: boolean } | null
  amountDetails?: object
  /** Set for the intent of an invoice: the methods that its subscription is restricted to, or null for all. */
  invoiceMethods?: string[] | null
  /** The invoice or the session that is paid, as the card networks are told it. */
  orderReference?: string | undefined
}

export type PaymentIntent = ReturnType<typeof newPaymentIntent>

export function newPaymentIntent(given: NewPaymentIntent) {
  const id = newId('pi').replace('pi_1', 'pi_3')
  return {
    id,
    object: 'payment_intent' as const,
    allowed_payment_method_types: given.allowedPaymentMethodTypes ?? null,
    amount: given.amount,
    amount_capturable: 0,
    amount_details: given.amountDetails ?? { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: given.automaticPaymentMethods ?? null,
    canceled_at: null as number | null,
    cancellation_reason: null as string | null,
    capture_method: given.captureMethod ?? 'automatic',
    client_secret: clientSecretOf(id),
    confirmation_method: given.confirmationMethod ?? 'automatic',
    created: given.now,
    currency: given.currency,
    customer: given.customer ?? null,
    customer_account: null,
    description: given.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null as PaymentError | null,
    latest_charge: null as string | null,
    livemode: false,
    managed_payments: { enabled: false },
    metadata: given.metadata ?? {},
    next_action: null as NextAction | null,
    on_behalf_of: null,
    ...(given.orderReference !== undefined && {
      payment_details: { customer_reference: null, order_reference: given.orderReference },
    }),
    payment_method: given.paymentMethod ?? null,
    payment_method_configuration_details: given.automaticPaymentMethods
      ? { id: paymentMethodConfiguration, parent: null }
      : null,
    ...offeredFor(given),
    payment_record: null,
    processing: null,
    receipt_email: given.receiptEmail ?? null,
    review: null,
    setup_future_usage: given.setupFutureUsage ?? null,
    shipping: given.shipping ?? null,
    source: null,
    statement_descriptor: given.statementDescriptor ?? null,
    statement_descriptor_suffix: given.statementDescriptorSuffix ?? null,
    status: (given.paymentMethod
      ? 'requires_confirmation'
      : 'requires_payment_method') as PaymentIntentStatus,
    transfer_data: null,
    transfer_group: given.transferGroup ?? null,
    hidden: {
      /** The method that waits for the customer's 3-D Secure. */
      returnUrl: null as string | null,
    },
  }
}

/** An intent that chooses its methods itself can be paid with all that fit; any other with a card. */
function offeredFor(given: NewPaymentIntent): Offered {
  const { currency, automaticPaymentMethods: automatic, allowedPaymentMethodTypes: allowed } = given
  const capturesLater = given.captureMethod === 'manual'
  if (given.invoiceMethods !== undefined)
    return paymentMethodsFor({ at: 'invoice', currency, allowed: given.invoiceMethods ?? undefined })
  if (!automatic) return paymentMethodsFor({ at: 'intent', currency, allowed: ['card'] })
  const redirects = automatic.allow_redirects !== 'never'
  return paymentMethodsFor({ at: 'intent', currency, capturesLater, redirects, allowed })
}

/** The settings by which an account chooses payment methods. */
export const paymentMethodConfiguration = 'pmc_1LocalStripeTakesCardsXX'

export interface NextAction {
  type: 'redirect_to_url' | 'use_stripe_sdk'
  redirect_to_url?: { return_url: string | null; url: string }
  use_stripe_sdk?: object
}

/** Why the last attempt failed, as `last_payment_error` and `last_setup_error` show it. */
export interface PaymentError {
  advice_code?: string
  charge?: string
  code: string
  decline_code?: string
  doc_url: string
  message: string
  network_decline_code?: string
  payment_method: object
  type: 'card_error' | 'invalid_request_error'
}
