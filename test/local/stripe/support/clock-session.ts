import type { Stripe } from 'stripe'
import { startLocalStripe, type LocalStripeOptions } from '../../../../local/stripe/server.ts'
import { idOf, localCalls, sdkFor } from './sdk-session.ts'

/** A local Stripe with one test clock, and customers on it whose life is played in seconds. */
export interface ClockSession {
  stripe: Stripe
  url: string
  clock: string
  /** Moves the clock and waits until all that fell due has happened. */
  advanceTo: (when: string) => Promise<void>
  now: () => Promise<string>
  /** A customer on the clock with a card, who subscribes. */
  subscriber: (options?: SubscriberOptions) => Promise<Subscriber>
  /** What all cards of a customer do from now on. */
  changeCard: (customer: string, card: string) => Promise<void>
  /** The events since the last question, in order: `02-28 11:00 invoice.paid`. Those of what only accompanies are left out. */
  events: () => Promise<string[]>
  /** The data of the latest event of a type. */
  lastEvent: (type: string) => Promise<Stripe.Event.Data>
  latestInvoice: (subscription: string) => Promise<Stripe.Invoice>
  counts: ReturnType<typeof localCalls>['counts']
  close: () => Promise<void>
}

export interface SubscriberOptions {
  card?: string | null
  unitAmount?: number
  interval?: 'day' | 'week' | 'month' | 'year'
  params?: Partial<Stripe.SubscriptionCreateParams>
}

export interface Subscriber {
  customer: string
  method: string | undefined
  subscription: string
}

export const seconds = (when: string): number => Date.parse(when) / 1000
export const moment = (at: number | null): string =>
  at === null ? 'never' : new Date(at * 1000).toISOString().slice(0, 16)

const accompanying = /^(test_helpers|product|price|plan|payment_method|customer\.(created|updated)|webhook)/

export async function openClockSession(
  start: string,
  settings: LocalStripeOptions['settings'] = {},
): Promise<ClockSession> {
  const local = await startLocalStripe({ settings })
  const stripe = sdkFor(local.url)
  const clock = (await stripe.testHelpers.testClocks.create({ frozen_time: seconds(start) })).id
  const product = (await stripe.products.create({ name: 'Pro' })).id
  let told = 0

  return {
    stripe,
    url: local.url,
    clock,
    counts: localCalls(local.url).counts,
    close: () => local.close(),
    advanceTo: (when) => advance(stripe, clock, seconds(when)),
    now: async () => moment((await stripe.testHelpers.testClocks.retrieve(clock)).frozen_time),

    async subscriber({ card = 'pm_card_visa', unitAmount = 9900, interval = 'month', params = {} } = {}) {
      const customer = (await stripe.customers.create({ test_clock: clock })).id
      const method = card === null ? undefined : await saveCard(stripe, customer, card)
      const recurring = { interval }
      const price = await stripe.prices.create({
        product,
        currency: 'brl',
        unit_amount: unitAmount,
        recurring,
      })
      const { id } = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], ...params })
      return { customer, method, subscription: id }
    },

    async changeCard(customer, card) {
      const init = { method: 'POST', body: JSON.stringify({ card }) }
      const { ok } = await fetch(`${local.url}/_local/customers/${customer}/card`, init)
      if (!ok) throw new Error(`The card of ${customer} did not change`)
    },

    async events() {
      const all: Stripe.Event[] = []
      for await (const event of stripe.events.list({ limit: 100 })) all.unshift(event)
      const fresh = all.slice(told)
      told = all.length
      return fresh
        .filter(({ type }) => !accompanying.test(type))
        .map(({ created, type }) => `${moment(created).slice(5).replace('T', ' ')} ${type}`)
    },

    async lastEvent(type) {
      const [event] = (await stripe.events.list({ type, limit: 1 })).data
      if (!event) throw new Error(`There was no ${type}`)
      return event.data
    },

    async latestInvoice(subscription) {
      const { latest_invoice } = await stripe.subscriptions.retrieve(subscription)
      return stripe.invoices.retrieve(idOf(latest_invoice), { expand: ['payments'] })
    },
  }
}

export async function saveCard(stripe: Stripe, customer: string, card: string): Promise<string> {
  const { id } = await stripe.paymentMethods.attach(card, { customer })
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: id } })
  return id
}

const deadlineMs = 10_000

export async function advance(stripe: Stripe, clock: string, to: number): Promise<void> {
  await stripe.testHelpers.testClocks.advance(clock, { frozen_time: to })
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const { status } = await stripe.testHelpers.testClocks.retrieve(clock)
    if (status === 'ready') return
    if (status !== 'advancing') throw new Error(`The clock is ${status}`)
    if (Date.now() > deadline) throw new Error('The clock never got ready')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
