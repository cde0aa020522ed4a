import type { Stripe } from 'stripe'
import type { PaymentProvider } from '../../domain/provider.ts'
import { cardCharges } from './card-charges.ts'
import { cards } from './cards.ts'
import { catalog } from './catalog.ts'
import { checkouts } from './checkouts.ts'
import { customers } from './customers.ts'
import { translateStripeError } from './errors.ts'
import { invoices } from './invoices.ts'
import { refunds } from './refunds.ts'
import { setupPages } from './setup-pages.ts'
import { subscriptionChanges } from './subscription-changes.ts'
import { subscriptions } from './subscriptions.ts'
import { testClocks } from './test-clocks.ts'

/** The payment provider port over Stripe. */
export function createStripeProvider(stripe: Stripe): PaymentProvider {
  return translateAll({
    ...customers(stripe),
    ...catalog(stripe),
    ...checkouts(stripe),
    ...subscriptions(stripe),
    ...subscriptionChanges(stripe),
    ...invoices(stripe),
    ...cards(stripe),
    ...cardCharges(stripe),
    ...setupPages(stripe),
    ...refunds(stripe),
    ...testClocks(stripe),
  })
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
