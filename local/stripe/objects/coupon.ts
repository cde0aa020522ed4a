import { newId, randomText } from '../store/ids.ts'
import type { Metadata } from './shared.ts'

export interface NewCoupon {
  now: number
  id?: string | undefined
  amountOff?: number | undefined
  percentOff?: number | undefined
  currency?: string | undefined
  duration: 'forever' | 'once' | 'repeating'
  durationInMonths?: number | undefined
  maxRedemptions?: number | undefined
  metadata: Metadata
  name?: string | undefined
  redeemBy?: number | undefined
}

export type Coupon = ReturnType<typeof newCoupon>

export function newCoupon(given: NewCoupon) {
  return {
    id: given.id ?? randomText(8),
    object: 'coupon' as const,
    amount_off: given.amountOff ?? null,
    created: given.now,
    currency: given.currency ?? null,
    duration: given.duration,
    duration_in_months: given.durationInMonths ?? null,
    livemode: false,
    max_redemptions: given.maxRedemptions ?? null,
    metadata: given.metadata,
    name: given.name ?? null,
    percent_off: given.percentOff ?? null,
    redeem_by: given.redeemBy ?? null,
    times_redeemed: 0,
    valid: true,
  }
}

export type Discount = ReturnType<typeof newDiscount>

/** A coupon as it is applied to something. */
export function newDiscount(given: { now: number; coupon: string; customer: string; invoiceItem: string }) {
  return {
    id: newId('di'),
    object: 'discount' as const,
    checkout_session: null,
    customer: given.customer,
    customer_account: null,
    end: null as number | null,
    invoice: null,
    invoice_item: given.invoiceItem,
    promotion_code: null,
    source: { coupon: given.coupon, type: 'coupon' as const },
    start: given.now,
    subscription: null,
    subscription_item: null,
  }
}
