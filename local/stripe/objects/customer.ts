import { newId, randomText } from '../store/ids.ts'
import type { Address, Metadata } from './shared.ts'

export interface Shipping {
  address: Address
  carrier?: string | null
  name: string
  phone: string | null
  tracking_number?: string | null
}

export interface NewCustomer {
  now: number
  email?: string | null | undefined
  name?: string | null | undefined
  phone?: string | null | undefined
  description?: string | null | undefined
  address?: Address | null | undefined
  shipping?: Shipping | null | undefined
  metadata?: Metadata
  defaultPaymentMethod?: string | null | undefined
  invoicePrefix?: string | undefined
  nextInvoiceSequence?: number | undefined
  preferredLocales?: string[] | undefined
  taxExempt?: TaxExempt | undefined
  balance?: number | undefined
  testClock?: string | undefined
}

export type TaxExempt = 'none' | 'exempt' | 'reverse'

export type Customer = ReturnType<typeof newCustomer>

export function newCustomer(given: NewCustomer) {
  return {
    id: newId('cus'),
    object: 'customer' as const,
    address: given.address ?? null,
    balance: given.balance ?? 0,
    created: given.now,
    currency: null as string | null,
    customer_account: null,
    default_source: null,
    delinquent: false as boolean,
    description: given.description ?? null,
    discount: null,
    email: given.email ?? null,
    invoice_prefix: given.invoicePrefix ?? randomText(8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: given.defaultPaymentMethod ?? null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: given.metadata ?? {},
    name: given.name ?? null,
    next_invoice_sequence: given.nextInvoiceSequence ?? 1,
    phone: given.phone ?? null,
    preferred_locales: given.preferredLocales ?? [],
    shipping: given.shipping ?? null,
    tax_exempt: given.taxExempt ?? 'none',
    test_clock: given.testClock ?? null,
  }
}
