import { invalidRequest, missingParameter } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  currency,
  integer,
  metadata,
  number,
  oneOf,
  text,
  timestamp,
  unsupported,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { newCoupon } from '../objects/coupon.ts'
import { changedMetadata } from '../objects/shared.ts'
import { named } from './find.ts'

export const couponRoutes = [
  route(
    'POST',
    '/v1/coupons',
    {
      amount_off: integer(1),
      applies_to: unsupported(),
      currency: currency(),
      currency_options: unsupported(),
      duration: oneOf('forever', 'once', 'repeating'),
      duration_in_months: integer(1),
      id: text(),
      max_redemptions: integer(1),
      metadata: metadata(),
      name: text(40),
      percent_off: number(),
      redeem_by: timestamp(),
    },
    ({ account, params }) => {
      if (params.id !== undefined && account.coupons.get(params.id))
        throw invalidRequest('Coupon already exists.', { code: 'resource_already_exists', param: 'id' })
      if ((params.amount_off === undefined) === (params.percent_off === undefined))
        throw invalidRequest('Must provide percent_off or amount_off.')
      if (params.amount_off !== undefined && params.currency === undefined) throw missingParameter('currency')
      if (params.percent_off !== undefined && !(params.percent_off > 0 && params.percent_off <= 100))
        throw invalidRequest('Invalid percent_off: must be greater than 0 and at most 100.', {
          param: 'percent_off',
        })
      const coupon = account.coupons.insert(
        newCoupon({
          now: account.now(),
          id: params.id,
          amountOff: params.amount_off,
          percentOff: params.percent_off,
          currency: params.currency,
          duration: params.duration ?? 'once',
          durationInMonths: params.duration_in_months,
          maxRedemptions: params.max_redemptions,
          metadata: changedMetadata({}, params.metadata),
          name: params.name,
          redeemBy: params.redeem_by,
        }),
      )
      account.emit('coupon.created', coupon)
      return coupon
    },
  ),
  route('GET', '/v1/coupons', pagingByTime, ({ account, params }) =>
    pageOf(
      account.coupons.all().filter(({ created }) => within(created, params.created)),
      params,
      '/v1/coupons',
    ),
  ),
  route('GET', '/v1/coupons/:coupon', {}, ({ account, path }) =>
    named(account.coupons, path('coupon'), 'coupon'),
  ),
  route(
    'POST',
    '/v1/coupons/:coupon',
    { name: text(40), metadata: metadata(), currency_options: unsupported() },
    ({ account, params, path }) => {
      const coupon = named(account.coupons, path('coupon'), 'coupon')
      const previous = account.coupons.change(coupon, {
        ...(params.name !== undefined && { name: params.name }),
        metadata: changedMetadata(coupon.metadata, params.metadata),
      })
      account.emit('coupon.updated', coupon, previous)
      return coupon
    },
  ),
  route('DELETE', '/v1/coupons/:coupon', {}, ({ account, path }) => {
    const coupon = named(account.coupons, path('coupon'), 'coupon')
    account.coupons.remove(coupon)
    account.emit('coupon.deleted', coupon)
    return { id: coupon.id, object: 'coupon', deleted: true }
  }),
]
