import { newId } from '../store/ids.ts'
import type { CreditedItems } from './line-item.ts'
import type { Metadata } from './shared.ts'

export interface NewInvoiceItem {
  now: number
  testClock: string | null
  customer: string
  amount: number
  quantity: number
  /** Null for a proration, which has no price of a unit. */
  unitAmountDecimal: string | null
  currency: string
  description: string | null
  price: string
  product: string
  invoice: string | null
  subscription?: string | undefined
  /** Set for what a change in the middle of a period costs, or gives back. */
  proration?: { subscriptionItem: string; creditedItems: CreditedItems | null }
  discountable: boolean
  discounts: string[]
  metadata: Metadata
  taxRates?: string[] | undefined
  period?: { start: number; end: number } | undefined
}

export type InvoiceItem = ReturnType<typeof newInvoiceItem>

export function newInvoiceItem(given: NewInvoiceItem) {
  return {
    id: newId('ii'),
    object: 'invoiceitem' as const,
    amount: given.amount,
    currency: given.currency,
    customer: given.customer,
    customer_account: null,
    date: given.now,
    description: given.description,
    discountable: given.discountable,
    discounts: given.discounts,
    invoice: given.invoice,
    livemode: false,
    metadata: given.metadata,
    parent: given.subscription
      ? {
          subscription_details: {
            subscription: given.subscription,
            ...(given.proration && { subscription_item: given.proration.subscriptionItem }),
          },
          type: 'subscription_details',
        }
      : null,
    period: given.period ?? { end: given.now, start: given.now },
    pricing: {
      price_details: { price: given.price, product: given.product },
      type: 'price_details',
      unit_amount_decimal: given.unitAmountDecimal,
    },
    proration: given.proration !== undefined,
    quantity: given.quantity,
    quantity_decimal: String(given.quantity),
    tax_rates: given.taxRates ?? [],
    test_clock: given.testClock,
    hidden: { creditedItems: given.proration?.creditedItems ?? null },
  }
}
