import type postgres from 'postgres'
import type { createStripeClient } from '../../providers/stripe/client.ts'
import type { BareCheckoutInput, BareSession } from './names.ts'

/** The bare calls: what Stripe is asked for is what the product asks for, and nothing is done about the answers. */
export function createBareStripeActivities(stripe: ReturnType<typeof createStripeClient>) {
  return {
    async openCheckout({ paymentId, priceId, customerId }: BareCheckoutInput): Promise<BareSession> {
      const customer =
        customerId ??
        (await stripe.customers.create({}, { idempotencyKey: `${paymentId}/create-customer` })).id
      const session = await stripe.checkout.sessions.create(
        {
          mode: 'payment',
          customer,
          client_reference_id: paymentId,
          line_items: [{ price: priceId, quantity: 1 }],
          success_url: 'https://shop.test/thanks',
          cancel_url: 'https://shop.test/basket',
        },
        { idempotencyKey: `${paymentId}/create-session` },
      )
      return { sessionId: session.id, url: session.url ?? '' }
    },
    doNothing: () => Promise.resolve(),
    async readCheckout(sessionId: string): Promise<string> {
      const session = await stripe.checkout.sessions.retrieve(sessionId, { expand: ['payment_intent'] })
      return session.payment_status
    },
  }
}
export type BareStripeActivities = ReturnType<typeof createBareStripeActivities>

export function createBareRecordActivities(sql: postgres.Sql) {
  return {
    async recordStatus(paymentId: string, status: string): Promise<void> {
      await sql`
        insert into payments (payment_id, status) values (${paymentId}, ${status})
        on conflict (payment_id) do update set status = excluded.status`
    },
  }
}
export type BareRecordActivities = ReturnType<typeof createBareRecordActivities>
