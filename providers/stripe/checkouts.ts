import type { Stripe } from 'stripe'
import type { CheckoutSnapshot } from '../../domain/checkout.ts'
import { metadataKeys, type OpenedCheckout, type PaymentProvider } from '../../domain/provider.ts'
import { checkoutSessionParams } from './requests.ts'
import { idOf, toCheckoutSnapshot } from './snapshots.ts'

/** Payment pages: opened, found again, and what came of them. */
export function checkouts(
  stripe: Stripe,
): Pick<PaymentProvider, 'openCheckout' | 'findCheckout' | 'readCheckout'> {
  return {
    async openCheckout(request, effectKey) {
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
  }
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

export function toOpenedCheckout(session: Stripe.Checkout.Session): OpenedCheckout {
  // A session that has ended has no address any more; its payment page would say so.
  return { sessionId: session.id, url: session.url ?? '', expiresAt: session.expires_at * 1000 }
}
