import { newId, randomText } from '../store/ids.ts'
import { paymentMethodConfiguration, type CaptureMethod, type FutureUsage } from './payment-intent.ts'
import { paymentMethodsFor } from './payment-method-settings.ts'
import type { Shipping } from './customer.ts'
import type { Address, Metadata } from './shared.ts'

export type SessionMode = 'payment' | 'setup' | 'subscription'

/** One line of what is bought; its totals are worked out when it is shown. */
export interface SessionLine {
  id: string
  price: string
  quantity: number
  description: string
  amount: number
  metadata: Metadata
}

/** What the session's creator wants of the objects that a payment will create. */
export interface SessionPlans {
  lines: SessionLine[]
  paymentIntent: {
    captureMethod?: CaptureMethod | undefined
    description?: string | undefined
    metadata: Metadata
    receiptEmail?: string | undefined
    setupFutureUsage?: FutureUsage | undefined
    shipping: Shipping | null
    statementDescriptor?: string | undefined
    statementDescriptorSuffix?: string | undefined
    transferGroup?: string | undefined
  }
  subscription: {
    description?: string | undefined
    metadata: Metadata
    trialEnd?: number | undefined
    trialPeriodDays?: number | undefined
    missingPaymentMethodAtTrialEnd?: 'cancel' | 'create_invoice' | 'pause' | undefined
  }
  setupIntent: { description?: string | undefined; metadata: Metadata }
  /** Set when a payment is to be followed by an invoice that says what it was for. */
  invoice: { description: string | null; footer: string | null; metadata: Metadata } | null
}

export interface NewCheckoutSession {
  now: number
  mode: SessionMode
  baseUrl: string
  amountSubtotal: number | null
  amountTotal: number | null
  currency: string | null
  plans: SessionPlans
  allowedPaymentMethodTypes?: string[] | undefined
  allowPromotionCodes?: boolean | undefined
  billingAddressCollection?: 'auto' | 'required' | undefined
  cancelUrl?: string | null | undefined
  clientReferenceId?: string | null | undefined
  customer?: string | null | undefined
  customerCreation?: 'always' | 'if_required' | undefined
  customerDetails: CustomerDetails | null
  customerEmail?: string | null | undefined
  expiresAt?: number | undefined
  locale?: string | undefined
  metadata?: Metadata
  paymentMethodCollection?: 'always' | 'if_required' | undefined
  setupIntent?: string | null
  submitType?: string | undefined
  successUrl: string
}

export interface CustomerDetails {
  address: Address | null
  business_name: null
  email: string | null
  individual_name: null
  name: string | null
  phone: string | null
  tax_exempt: string | null
  tax_ids: never[] | null
}

export type CheckoutSession = ReturnType<typeof newCheckoutSession>

const dayInSeconds = 24 * 60 * 60

export function newCheckoutSession(given: NewCheckoutSession) {
  const { now, mode } = given
  const id = `cs_test_${{ payment: 'a1', subscription: 'b1', setup: 'c1' }[mode]}${randomText(56)}`
  return {
    id,
    object: 'checkout.session' as const,
    adaptive_pricing: { enabled: mode === 'payment' },
    after_expiration: null,
    allowed_payment_method_types: given.allowedPaymentMethodTypes ?? null,
    allow_promotion_codes: given.allowPromotionCodes ?? null,
    amount_subtotal: given.amountSubtotal,
    amount_total: given.amountTotal,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: given.billingAddressCollection ?? null,
    branding_settings: {
      background_color: '#ffffff',
      border_style: 'rounded',
      button_color: '#0074d4',
      display_name: 'Local Stripe',
      font_family: 'default',
      icon: null,
      logo: null,
    },
    cancel_url: given.cancelUrl ?? null,
    client_reference_id: given.clientReferenceId ?? null,
    client_secret: null,
    collected_information: { business_name: null, individual_name: null, shipping_details: null },
    consent: null,
    consent_collection: null,
    created: now,
    currency: given.currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: given.customer ?? null,
    customer_account: null,
    customer_creation: customerCreationOf(given),
    customer_details: given.customerDetails,
    customer_email: given.customerEmail ?? null,
    discounts: mode === 'setup' ? null : [],
    expires_at: given.expiresAt ?? now + dayInSeconds,
    integration_identifier: null,
    invoice: null as string | null,
    invoice_creation: mode === 'payment' ? invoiceCreationOf(given) : null,
    livemode: false,
    locale: given.locale ?? null,
    managed_payments: { enabled: false },
    metadata: given.metadata ?? {},
    mode,
    origin_context: null,
    payment_intent: null as string | null,
    payment_link: null,
    payment_method_collection:
      given.paymentMethodCollection ?? (mode === 'payment' ? 'if_required' : 'always'),
    payment_method_configuration_details: { id: paymentMethodConfiguration, parent: null },
    ...paymentMethodsFor({
      at: mode === 'payment' ? 'checkout_payment' : 'checkout_saving',
      currency: given.currency,
      allowed: given.allowedPaymentMethodTypes,
    }),
    payment_status: (given.amountTotal === null || given.amountTotal === 0
      ? 'no_payment_required'
      : 'unpaid') as 'unpaid' | 'paid' | 'no_payment_required',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: savesMethods(given)
      ? { allow_redisplay_filters: ['always'], payment_method_remove: 'disabled', payment_method_save: null }
      : null,
    setup_intent: given.setupIntent ?? null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open' as 'open' | 'complete' | 'expired',
    submit_type: given.submitType ?? null,
    subscription: null as string | null,
    success_url: given.successUrl,
    total_details: mode === 'setup' ? null : { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${given.baseUrl}/c/pay/${id}` as string | null,
    wallet_options: null,
    hidden: {
      plans: given.plans,
      /** The incomplete subscription of a try that failed: the next try goes on with it. */
      subscription: null as string | null,
      /** Likewise the setup intent of a trial, or of what costs nothing now. */
      setupIntent: null as string | null,
      /** The customer made of what the payer typed; shown once the session is complete. */
      customer: null as string | null,
      payer: null as { email: string | null; name: string | null } | null,
    },
  }
}

export const newSessionLine = (line: Omit<SessionLine, 'id'>): SessionLine => ({ id: newId('li'), ...line })

const invoiceCreationOf = ({ plans }: NewCheckoutSession) => ({
  enabled: plans.invoice !== null,
  invoice_data: {
    account_tax_ids: null,
    custom_fields: null,
    description: plans.invoice?.description ?? null,
    footer: plans.invoice?.footer ?? null,
    issuer: null,
    metadata: plans.invoice?.metadata ?? {},
    rendering_options: null,
  },
})

function customerCreationOf(given: NewCheckoutSession): 'always' | 'if_required' | null {
  if (given.customer) return null
  if (given.mode === 'subscription') return 'always'
  return given.customerCreation ?? 'if_required'
}

/** Saved methods are offered to a customer that is known, or that a subscription will make known. */
const savesMethods = ({ mode, customer }: NewCheckoutSession): boolean =>
  mode === 'subscription' || (mode === 'payment' && customer !== undefined && customer !== null)
