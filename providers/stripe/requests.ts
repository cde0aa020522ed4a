import type { Stripe } from 'stripe'
import { nameOf, unitPriceOf } from '../../domain/catalog.ts'
import { type CheckoutRequest, metadataKeys, type PriceRequest } from '../../domain/provider.ts'

/** What we ask Stripe for. Pure, and the same for the same intent: Stripe refuses an effect key with other parameters. */

export function checkoutSessionParams(request: CheckoutRequest): Stripe.Checkout.SessionCreateParams {
  const { purchase, paymentId } = request
  const metadata = {
    [metadataKeys.project]: request.projectId,
    [metadataKeys.payment]: paymentId,
    ...(request.subscriptionId && { [metadataKeys.subscription]: request.subscriptionId }),
  }
  const price = unitPriceOf(purchase)
  return {
    customer: request.providerCustomerId,
    client_reference_id: paymentId,
    success_url: request.successUrl,
    cancel_url: request.cancelUrl,
    metadata,
    line_items: [
      {
        quantity: purchase.quantity,
        ...(request.providerPriceId === undefined
          ? {
              price_data: {
                currency: price.currency,
                unit_amount: price.amountMinor,
                product_data: { name: nameOf(purchase) },
              },
            }
          : { price: request.providerPriceId }),
      },
    ],
    // The payment and the subscription must lead back to us by themselves: their events may come first.
    ...(purchase.kind === 'plan'
      ? {
          mode: 'subscription',
          // What renewals are charged to without the customer, and what a case can try again: with anything else that the account
          // has switched on, a renewal that fails would be lost without one try.
          allowed_payment_method_types: ['card'],
          subscription_data: {
            metadata,
            ...(purchase.plan.trialDays > 0 && { trial_period_days: purchase.plan.trialDays }),
          },
        }
      : { mode: 'payment', payment_intent_data: { metadata } }),
  }
}

/** Names a price by what it is to us, so that it is found again whatever became of the answer that made it. */
export function priceLookupKey({ projectId, item }: PriceRequest): string {
  return item.kind === 'plan'
    ? `${projectId}/plan/${item.plan.id}/${item.plan.version}`
    : `${projectId}/product/${item.product.id}`
}

export function priceParams(request: PriceRequest): Stripe.PriceCreateParams {
  const { projectId, item } = request
  const sold = item.kind === 'plan' ? item.plan : item.product
  const metadata = { [metadataKeys.project]: projectId, [`${item.kind}_id`]: sold.id }
  return {
    currency: sold.price.currency,
    unit_amount: sold.price.amountMinor,
    lookup_key: priceLookupKey(request),
    metadata,
    product_data: { name: sold.name, metadata },
    ...(item.kind === 'plan' && { recurring: { interval: item.plan.interval } }),
  }
}
