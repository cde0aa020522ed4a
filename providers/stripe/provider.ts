import type { Stripe } from 'stripe'
import type { CheckoutSnapshot } from '../../domain/checkout.ts'
import {
  type CheckoutRequest,
  type CustomerRequest,
  metadataKeys,
  type OpenedCheckout,
  type PaymentProvider,
  type PriceRequest,
  type ProviderPrice,
} from '../../domain/provider.ts'
import { checkoutSessionParams, priceLookupKey, priceParams } from './requests.ts'
import { translateStripeError } from './errors.ts'
import { idOf, toCheckoutSnapshot, toSubscriptionSnapshot } from './snapshots.ts'

/** The payment provider port over Stripe. */
export function createStripeProvider(stripe: Stripe): PaymentProvider {
  return translateAll({
    async createCustomer({ projectId, customerId, userId, email }: CustomerRequest, effectKey) {
      const customer = await stripe.customers.create(
        {
          ...(email && { email }),
          metadata: {
            [metadataKeys.project]: projectId,
            [metadataKeys.customer]: customerId,
            user_id: userId,
          },
        },
        { idempotencyKey: effectKey },
      )
      return customer.id
    },

    // Stripe's search lags by up to a minute. It is asked only about tries that ended badly, and the worst that a miss can
    // do is a second customer without a card: money hangs on the session, which is looked up in a list that never lags.
    async findCustomer(customerId) {
      const { data } = await stripe.customers.search({
        query: `metadata['${metadataKeys.customer}']:'${customerId}'`,
        limit: 1,
      })
      return data[0]?.id
    },

    async createPrice(request, effectKey) {
      return toProviderPrice(await stripe.prices.create(priceParams(request), { idempotencyKey: effectKey }))
    },

    async findPrice(request: PriceRequest) {
      const { data } = await stripe.prices.list({ lookup_keys: [priceLookupKey(request)], limit: 1 })
      return data[0] && toProviderPrice(data[0])
    },

    async openCheckout(request: CheckoutRequest, effectKey) {
      return toOpenedCheckout(
        await stripe.checkout.sessions.create(checkoutSessionParams(request), { idempotencyKey: effectKey }),
      )
    },

    async findCheckout({ paymentId, providerCustomerId }) {
      for await (const session of stripe.checkout.sessions.list({
        customer: providerCustomerId,
        limit: 100,
      })) {
        if (session.metadata?.[metadataKeys.payment] === paymentId) return toOpenedCheckout(session)
      }
      return undefined
    },

    async readCheckout(sessionId): Promise<CheckoutSnapshot> {
      const session = await stripe.checkout.sessions.retrieve(sessionId, {
        expand: ['payment_intent', 'invoice.payments'],
      })
      const paymentIntent = await paymentIntentOf(stripe, session)
      const charges = paymentIntent
        ? await stripe.charges.list({ payment_intent: paymentIntent.id, limit: 100 })
        : { data: [] }
      return toCheckoutSnapshot(session, paymentIntent, charges.data)
    },

    async readSubscription(subscriptionId) {
      return toSubscriptionSnapshot(
        await stripe.subscriptions.retrieve(subscriptionId, { expand: ['latest_invoice'] }),
      )
    },
  })
}

/** The payment intent behind a session. A subscription's hangs on its first invoice, which the session names only once it
 *  is complete; until then the declined tries are found through the subscription that carries our payment's id. */
async function paymentIntentOf(
  stripe: Stripe,
  session: Stripe.Checkout.Session,
): Promise<Stripe.PaymentIntent | undefined> {
  if (session.mode === 'payment')
    return typeof session.payment_intent === 'object' ? (session.payment_intent ?? undefined) : undefined
  const invoice =
    typeof session.invoice === 'object' && session.invoice !== null
      ? session.invoice
      : await invoiceOfAttempt(stripe, session)
  const paymentIntentId = idOf(invoice?.payments?.data[0]?.payment.payment_intent)
  return paymentIntentId === undefined ? undefined : stripe.paymentIntents.retrieve(paymentIntentId)
}

async function invoiceOfAttempt(
  stripe: Stripe,
  session: Stripe.Checkout.Session,
): Promise<Stripe.Invoice | undefined> {
  const customer = idOf(session.customer)
  const paymentId = session.metadata?.[metadataKeys.payment]
  if (!customer || !paymentId) return undefined
  const attempts = await stripe.subscriptions.list({
    customer,
    status: 'all',
    limit: 100,
    expand: ['data.latest_invoice.payments'],
  })
  const subscription = attempts.data.find(({ metadata }) => metadata[metadataKeys.payment] === paymentId)
  return typeof subscription?.latest_invoice === 'object'
    ? (subscription.latest_invoice ?? undefined)
    : undefined
}

function toProviderPrice(price: Stripe.Price): ProviderPrice {
  return { priceId: price.id, productId: idOf(price.product) ?? '' }
}

function toOpenedCheckout(session: Stripe.Checkout.Session): OpenedCheckout {
  // A session that has ended has no address any more; its payment page would say so.
  return { sessionId: session.id, url: session.url ?? '', expiresAt: session.expires_at * 1000 }
}

/** Every method speaks the catalogue's language when it fails. */
function translateAll(provider: PaymentProvider): PaymentProvider {
  const entries = Object.entries(provider).map(([name, method]) => [
    name,
    async (...parameters: unknown[]) => {
      try {
        return await (method as (...parameters: unknown[]) => Promise<unknown>)(...parameters)
      } catch (error) {
        throw translateStripeError(error)
      }
    },
  ])
  return Object.fromEntries(entries) as PaymentProvider
}
