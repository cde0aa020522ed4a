import type { Stripe } from 'stripe'
import { idOf } from './sdk-session.ts'

/** What tests of refunds, disputes and the balance begin with. */
export const payments = (stripe: () => Stripe) => ({
  /** A payment in R$ that is booked at once. */
  async pay(amount: number, { card = 'pm_card_visa', customer }: { card?: string; customer?: string } = {}) {
    const intent = await stripe().paymentIntents.create({
      amount,
      currency: 'brl',
      payment_method: card,
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      capture_method: 'automatic',
      ...(customer && { customer }),
    })
    return { payment_intent: intent.id, charge: idOf(intent.latest_charge) }
  },

  /** The types of all events, or of those of these kinds, in their order. */
  async eventTypes(types?: string[]): Promise<string[]> {
    const { data } = await stripe().events.list({ limit: 100, ...(types && { types }) })
    return data.map(({ type }) => type).toReversed()
  },
})
