import type { Stripe } from 'stripe'
import type { PaymentProvider, ProviderPrice } from '../../domain/provider.ts'
import { priceLookupKey, priceParams } from './requests.ts'
import { idOf } from './snapshots.ts'

/** Prices of plans and products, found by what they are to us. */
export function catalog(stripe: Stripe): Pick<PaymentProvider, 'createPrice' | 'findPrice'> {
  return {
    async createPrice(request, effectKey) {
      return toProviderPrice(await stripe.prices.create(priceParams(request), { idempotencyKey: effectKey }))
    },

    async findPrice(request) {
      const { data } = await stripe.prices.list({ lookup_keys: [priceLookupKey(request)], limit: 1 })
      return data[0] && toProviderPrice(data[0])
    },
  }
}

function toProviderPrice(price: Stripe.Price): ProviderPrice {
  return { priceId: price.id, productId: idOf(price.product) ?? '' }
}
