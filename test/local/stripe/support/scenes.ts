import { textAt, type JsonObject } from './json.ts'
import type { JudgedSession } from './judged-session.ts'

/** Numbers of Stripe's test cards, by what they do (https://docs.stripe.com/testing). */
export const cards = {
  visa: '4242424242424242',
  declined: '4000000000000002',
  /** Asks for 3-D Secure, unless the customer has authenticated for later payments. */
  authenticates: '4000002500003155',
}

export const returnUrl = 'https://shop.example.com/'

/** What most scripted sessions begin with; each returns ids. */
export const scenes = (stripe: () => JudgedSession) => ({
  customer: async (): Promise<string> =>
    textAt(await stripe().post('/v1/customers', { email: 'ada@example.com', name: 'Ada' }), 'id'),

  /** A customer who pays with one of the test payment methods, such as `pm_card_visa`. */
  async customerWithCard(card = 'pm_card_visa'): Promise<{ customer: string; method: string }> {
    const customer = await this.customer()
    const method = textAt(await stripe().post(`/v1/payment_methods/${card}/attach`, { customer }), 'id')
    await stripe().post(`/v1/customers/${customer}`, { invoice_settings: { default_payment_method: method } })
    return { customer, method }
  },

  async monthlyPrice(): Promise<string> {
    const product = await stripe().post('/v1/products', { name: 'Tea', unit_label: 'pot' })
    const price = { currency: 'usd', unit_amount: 1900, product: textAt(product, 'id') }
    return textAt(await stripe().post('/v1/prices', { ...price, recurring: { interval: 'month' } }), 'id')
  },

  subscription: (customer: string, price: string, parameters: JsonObject = {}): Promise<JsonObject> =>
    stripe().post('/v1/subscriptions', { customer, items: [{ price }], ...parameters }),

  checkout: (mode: 'payment' | 'subscription' | 'setup', parameters: JsonObject): Promise<JsonObject> =>
    stripe().post('/v1/checkout/sessions', {
      mode,
      success_url: `${returnUrl}?session={CHECKOUT_SESSION_ID}`,
      ...parameters,
    }),
})
