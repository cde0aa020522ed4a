import { newId } from '../store/ids.ts'
import type { Interval, Metadata } from './shared.ts'

export interface Recurring {
  interval: Interval
  interval_count: number
  meter: null
  trial_period_days: number | null
  usage_type: 'licensed'
}

export type TaxBehavior = 'exclusive' | 'inclusive' | 'unspecified'

export interface NewPrice {
  now: number
  id?: string | undefined
  product: string
  currency: string
  unitAmount: number | null
  unitAmountDecimal: string
  recurring?: { interval: Interval; interval_count?: number | undefined } | undefined
  active?: boolean | undefined
  lookupKey?: string | null | undefined
  metadata?: Metadata
  nickname?: string | null | undefined
  taxBehavior?: TaxBehavior | undefined
}

export type Price = ReturnType<typeof newPrice>

export function newPrice(given: NewPrice) {
  return {
    id: given.id ?? newId('price'),
    object: 'price' as const,
    active: given.active ?? true,
    billing_scheme: 'per_unit' as const,
    created: given.now,
    currency: given.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: given.lookupKey ?? null,
    metadata: given.metadata ?? {},
    nickname: given.nickname ?? null,
    product: given.product,
    recurring: given.recurring ? recurringOf(given.recurring) : null,
    tax_behavior: given.taxBehavior ?? 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: given.recurring ? ('recurring' as const) : ('one_time' as const),
    unit_amount: given.unitAmount,
    unit_amount_decimal: given.unitAmountDecimal,
  }
}

const recurringOf = (given: { interval: Interval; interval_count?: number | undefined }): Recurring => ({
  interval: given.interval,
  interval_count: given.interval_count ?? 1,
  meter: null,
  trial_period_days: null,
  usage_type: 'licensed',
})

/** The price under its former name, which Stripe still shows beside it on subscriptions and their items. */
export function planOf(price: Price): object | null {
  if (!price.recurring) return null
  return {
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: price.recurring.interval,
    interval_count: price.recurring.interval_count,
    livemode: price.livemode,
    metadata: price.metadata,
    meter: price.recurring.meter,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: price.tiers_mode,
    transform_usage: null,
    trial_period_days: price.recurring.trial_period_days,
    usage_type: price.recurring.usage_type,
  }
}

/** What so many units cost, in the smallest unit of the currency; a fraction of it is rounded half up. */
export const amountOf = (price: Price, quantity: number): number =>
  Math.round(Number(price.unit_amount_decimal) * quantity)
