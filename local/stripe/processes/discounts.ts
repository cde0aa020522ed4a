import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import { newDiscount, type Coupon } from '../objects/coupon.ts'
import type { InvoiceItem } from '../objects/invoice-item.ts'
import type { LineItem } from '../objects/line-item.ts'

/** Applies a coupon to an invoice item. */
export function discountItem(account: Account, item: InvoiceItem, coupon: Coupon): void {
  if (!coupon.valid)
    throw invalidRequest(`Coupon expired: ${coupon.id}`, { code: 'coupon_expired', param: 'coupon' })
  const discount = account.discounts.insert(
    newDiscount({ now: item.date, coupon: coupon.id, customer: item.customer, invoiceItem: item.id }),
  )
  account.invoiceItems.change(item, { discounts: [...item.discounts, discount.id] })
  const redeemed = coupon.times_redeemed + 1
  account.coupons.change(coupon, {
    times_redeemed: redeemed,
    valid: coupon.max_redemptions === null || redeemed < coupon.max_redemptions,
  })
}

/** The line with what its discounts take off, one after the other. Halves of the smallest unit are rounded up. */
export function withDiscounts(account: Account, line: LineItem): LineItem {
  let left = line.amount
  const amounts = line.discounts.map((id) => {
    const coupon = account.coupons.must(account.discounts.must(id).source.coupon)
    const off = Math.min(coupon.amount_off ?? Math.round((left * (coupon.percent_off ?? 0)) / 100), left)
    left -= off
    return { amount: off, discount: id }
  })
  return {
    ...line,
    discount_amounts: amounts,
    pretax_credit_amounts: amounts.map((one) => ({ ...one, type: 'discount' as const })),
  }
}
