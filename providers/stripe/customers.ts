import { Stripe } from 'stripe'
import { metadataKeys, type PaymentProvider } from '../../domain/provider.ts'

/** Customers at Stripe, made once each. */
export function customers(
  stripe: Stripe,
): Pick<PaymentProvider, 'createCustomer' | 'findCustomer' | 'isCustomerThere'> {
  return {
    async createCustomer({ projectId, customerId, userId, email, providerClockId }, effectKey) {
      const customer = await stripe.customers.create(
        {
          ...(email && { email }),
          ...(providerClockId && { test_clock: providerClockId }),
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

    async isCustomerThere(providerCustomerId) {
      try {
        const { deleted } = await stripe.customers.retrieve(providerCustomerId)
        return deleted !== true
      } catch (error) {
        if (error instanceof Stripe.errors.StripeError && error.code === 'resource_missing') return false
        throw error
      }
    },
  }
}
