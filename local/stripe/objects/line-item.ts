import { newId } from '../store/ids.ts'
import type { InvoiceItem } from './invoice-item.ts'
import type { Price } from './price.ts'
import type { Metadata } from './shared.ts'
import type { Tax } from './tax-rate.ts'

export interface Period {
  start: number
  end: number
}

/** The lines of an earlier invoice whose amount is given back. */
export interface CreditedItems {
  invoice: string
  invoice_line_items: string[]
}

interface LineDetails {
  proration: boolean
  proration_details: { credited_items: CreditedItems | null }
}

/** What a line comes from: an item of the invoice, or of the subscription. */
export interface LineParent {
  invoice_item_details: (LineDetails & { invoice_item: string; subscription: string | null }) | null
  subscription_item_details:
    (LineDetails & { invoice_item: string | null; subscription: string; subscription_item: string }) | null
  type: 'invoice_item_details' | 'subscription_item_details'
}

export interface LineItem {
  id: string
  object: 'line_item'
  amount: number
  currency: string
  description: string | null
  discount_amounts: { amount: number; discount: string }[]
  discountable: boolean
  discounts: string[]
  invoice: string
  livemode: false
  metadata: Metadata
  parent: LineParent
  period: Period
  pretax_credit_amounts: { amount: number; discount: string; type: 'discount' }[]
  pricing: object
  quantity: number
  quantity_decimal: string
  subtotal: number
  taxes: Tax[]
}

const lineItem = (
  given: Pick<
    LineItem,
    | 'amount'
    | 'currency'
    | 'description'
    | 'discountable'
    | 'invoice'
    | 'metadata'
    | 'parent'
    | 'period'
    | 'pricing'
    | 'quantity'
  >,
): LineItem => ({
  id: newId('il'),
  object: 'line_item',
  discount_amounts: [],
  discounts: [],
  livemode: false,
  pretax_credit_amounts: [],
  quantity_decimal: String(given.quantity),
  subtotal: given.amount,
  taxes: [],
  ...given,
})

/** A line for one period of a subscription's item. */
export const subscriptionLine = (given: {
  invoice: string
  subscription: string
  subscriptionItem: string
  price: Price
  quantity: number
  amount: number
  unitAmountDecimal: string
  description: string
  period: Period
  metadata: Metadata
}): LineItem =>
  lineItem({
    amount: given.amount,
    currency: given.price.currency,
    description: given.description,
    discountable: true,
    invoice: given.invoice,
    metadata: given.metadata,
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: given.subscription,
        subscription_item: given.subscriptionItem,
      },
      type: 'subscription_item_details',
    },
    period: given.period,
    pricing: {
      price_details: { price: given.price.id, product: given.price.product },
      type: 'price_details',
      unit_amount_decimal: given.unitAmountDecimal,
    },
    quantity: given.quantity,
  })

/** The line that an invoice item becomes. */
export const invoiceItemLine = (item: InvoiceItem, invoice: string): LineItem => ({
  ...lineItem({
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    discountable: item.discountable,
    invoice,
    metadata: item.metadata,
    parent: parentOf(item),
    period: item.period,
    pricing: item.pricing,
    quantity: item.quantity,
  }),
  discounts: item.discounts,
})

/** A proration's line names the subscription's item; any other line its invoice item alone. */
function parentOf(item: InvoiceItem): LineParent {
  const subscription = item.parent?.subscription_details.subscription ?? null
  const subscriptionItem = item.parent?.subscription_details.subscription_item
  const details = {
    proration: item.proration,
    proration_details: { credited_items: item.hidden.creditedItems },
  }
  if (item.proration && subscription && subscriptionItem)
    return {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: item.id,
        ...details,
        subscription,
        subscription_item: subscriptionItem,
      },
      type: 'subscription_item_details',
    }
  return {
    invoice_item_details: { invoice_item: item.id, ...details, subscription },
    subscription_item_details: null,
    type: 'invoice_item_details',
  }
}
