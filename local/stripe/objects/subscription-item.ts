import { newId } from '../store/ids.ts'
import type { Metadata } from './shared.ts'

export type SubscriptionItem = ReturnType<typeof newSubscriptionItem>

/** Holds its price by id; the price and its `plan` join it when it is shown. */
export function newSubscriptionItem(given: {
  now: number
  subscription: string
  price: string
  quantity: number
  period: { start: number; end: number }
  metadata: Metadata
}) {
  return {
    id: newId('si'),
    object: 'subscription_item' as const,
    billing_thresholds: null,
    created: given.now,
    current_trial: null,
    current_period_end: given.period.end,
    current_period_start: given.period.start,
    discounts: [] as string[],
    metadata: given.metadata,
    price: given.price,
    quantity: given.quantity,
    subscription: given.subscription,
    tax_rates: [],
  }
}
