import { newId } from '../store/ids.ts'
import type { Customer } from './customer.ts'
import type { LineItem } from './line-item.ts'
import type { Metadata } from './shared.ts'
import type { Tax } from './tax-rate.ts'

export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void'
export type BillingReason =
  | 'manual'
  | 'upcoming'
  | 'subscription_create'
  | 'subscription_cycle'
  | 'subscription_update'
  | 'subscription_threshold'
export type CollectionMethod = 'charge_automatically' | 'send_invoice'

export interface NewInvoice {
  now: number
  customer: Customer
  currency: string
  billingReason: BillingReason
  autoAdvance?: boolean | undefined
  collectionMethod?: CollectionMethod | undefined
  dueDate?: number | null | undefined
  defaultPaymentMethod?: string | null | undefined
  /** Of a subscription, where the invoice bills one. */
  defaultTaxRates?: string[] | undefined
  description?: string | null | undefined
  footer?: string | null | undefined
  metadata?: Metadata
  statementDescriptor?: string | null | undefined
  subscription?: { id: string; metadata: Metadata } | undefined
  period?: { start: number; end: number } | undefined
}

export type Invoice = ReturnType<typeof newInvoice>

export function newInvoice(given: NewInvoice) {
  const { now, customer } = given
  return {
    id: newId('in'),
    object: 'invoice' as const,
    account_country: 'US',
    account_name: 'Local Stripe',
    account_tax_ids: null,
    amount_due: 0,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_paid_off_stripe: 0,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: given.autoAdvance ?? false,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: null as number | null,
    billing_reason: given.billingReason,
    collection_method: given.collectionMethod ?? 'charge_automatically',
    created: now,
    currency: given.currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: customer.address,
    customer_email: customer.email,
    customer_name: customer.name,
    customer_phone: customer.phone,
    customer_shipping: customer.shipping,
    customer_tax_exempt: customer.tax_exempt,
    customer_tax_ids: [],
    default_payment_method: given.defaultPaymentMethod ?? null,
    default_source: null,
    default_tax_rates: given.defaultTaxRates ?? [],
    description: given.description ?? null,
    discounts: [] as string[],
    due_date: given.dueDate ?? null,
    effective_at: null as number | null,
    ending_balance: null as number | null,
    footer: given.footer ?? null,
    from_invoice: null,
    hosted_invoice_url: null as string | null,
    invoice_pdf: null as string | null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: [] as LineItem[],
    livemode: false,
    metadata: given.metadata ?? {},
    next_payment_attempt: null as number | null,
    number: null as string | null,
    on_behalf_of: null,
    parent: given.subscription
      ? {
          quote_details: null,
          subscription_details: {
            metadata: given.subscription.metadata,
            subscription: given.subscription.id,
          },
          type: 'subscription_details' as const,
        }
      : null,
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: given.period?.end ?? now,
    period_start: given.period?.start ?? now,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    // Stripe leaves this empty on the invoices that it makes for subscriptions.
    rendering: given.subscription
      ? null
      : { amount_tax_display: null, pdf: { page_size: 'auto' }, template: null, template_version: null },
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: given.statementDescriptor ?? null,
    status: 'draft' as InvoiceStatus,
    status_transitions: {
      finalized_at: null as number | null,
      marked_uncollectible_at: null as number | null,
      paid_at: null as number | null,
      voided_at: null as number | null,
    },
    subtotal: 0,
    subtotal_excluding_tax: 0,
    test_clock: customer.test_clock,
    total: 0,
    total_discount_amounts: [] as { amount: number; discount: string }[],
    total_excluding_tax: 0,
    total_pretax_credit_amounts: [] as { amount: number; discount: string; type: 'discount' }[],
    total_taxes: [] as Tax[],
    webhooks_delivered_at: now as number | null,
    hidden: {
      /** What the card networks are told is paid for: the invoice, or the session that led to it. */
      orderReference: null as string | null,
      /** The first attempt that failed, from which Stripe counts the days of its own retries. */
      firstFailedAt: null as number | null,
    },
  }
}

/** The subscription that an invoice bills, if it bills one. */
export const subscriptionOf = (invoice: Invoice): string | null =>
  invoice.parent?.subscription_details.subscription ?? null
