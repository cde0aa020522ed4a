import type { Stripe } from 'stripe'
import { idOf, type LocalStripe } from './sdk-session.ts'

/** Subscriptions with their cards and prices, made by the official SDK. */
export const billingScenes = (stripe: () => Stripe, local: () => LocalStripe) => {
  const scenes = {
    async price(unitAmount: number, interval: 'day' | 'week' | 'month' | 'year' = 'month'): Promise<string> {
      const product = await stripe().products.create({ name: 'Pro' })
      const price = { product: product.id, currency: 'usd', unit_amount: unitAmount, recurring: { interval } }
      return (await stripe().prices.create(price)).id
    },

    async customer(rest: Stripe.CustomerCreateParams = {}): Promise<string> {
      const customer = await stripe().customers.create({ email: 'ada@example.com', ...rest })
      const invoice_settings = { default_payment_method: await scenes.addCard(customer.id) }
      return (await stripe().customers.update(customer.id, { invoice_settings })).id
    },

    async addCard(customer: string, card = 'pm_card_visa'): Promise<string> {
      return (await stripe().paymentMethods.attach(card, { customer })).id
    },

    async subscribe(unitAmount: number, rest: Partial<Stripe.SubscriptionCreateParams> = {}) {
      const customer = rest.customer ?? (await scenes.customer())
      const price = await scenes.price(unitAmount)
      const subscription = await stripe().subscriptions.create({ customer, items: [{ price }], ...rest })
      const [item] = subscription.items.data
      if (!item) throw new Error('The subscription has no item')
      return { id: subscription.id, item, customer, price }
    },

    /** From now on every card of the customer does what this test card does. */
    changeCard: (customer: string, card: string) =>
      fetch(`${local().url}/_local/customers/${customer}/card`, {
        method: 'POST',
        body: JSON.stringify({ card }),
      }),

    async latestInvoice(subscription: string): Promise<Stripe.Invoice> {
      const { latest_invoice } = await stripe().subscriptions.retrieve(subscription)
      return stripe().invoices.retrieve(idOf(latest_invoice))
    },

    /** The types of the events since one that is known, in their order. */
    async eventTypes(after?: string): Promise<string[]> {
      const { data } = await stripe().events.list({ limit: 100, ...(after && { ending_before: after }) })
      return data.map(({ type }) => type).toReversed()
    },

    async lastEvent(): Promise<string> {
      const [event] = (await stripe().events.list({ limit: 1 })).data
      if (!event) throw new Error('Nothing has happened yet')
      return event.id
    },

    async clock(frozen_time: number): Promise<string> {
      return (await stripe().testHelpers.testClocks.create({ frozen_time })).id
    },

    async advance(clock: string, frozen_time: number): Promise<void> {
      await stripe().testHelpers.testClocks.advance(clock, { frozen_time })
      for (let tries = 0; tries < 500; tries++) {
        const { status } = await stripe().testHelpers.testClocks.retrieve(clock)
        if (status === 'ready') return
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      throw new Error('The test clock did not become ready')
    },
  }
  return scenes
}

export const cardNumbers = {
  declined: '4000000000000341',
  insufficientFunds: '4000000000009995',
  /** Asks for 3-D Secure each time. */
  authenticates: '4000002760003184',
  visa: '4242424242424242',
}
