import { Stripe } from 'stripe'
import { BillingError } from '../../domain/errors.ts'
import type { PaymentMethod, PaymentProvider } from '../../domain/provider.ts'
import { idOf } from './snapshots.ts'

/** Saved cards, in the order in which they are charged, and what may be done about them. */
export function cards(
  stripe: Stripe,
): Pick<
  PaymentProvider,
  | 'listPaymentMethods'
  | 'chargeRenewalsTo'
  | 'setDefaultPaymentMethod'
  | 'attachPaymentMethod'
  | 'detachPaymentMethod'
> {
  return {
    async listPaymentMethods({ providerCustomerId, providerSubscriptionId }) {
      const [customer, subscription, saved] = await Promise.all([
        stripe.customers.retrieve(providerCustomerId),
        providerSubscriptionId ? stripe.subscriptions.retrieve(providerSubscriptionId) : undefined,
        stripe.customers.listPaymentMethods(providerCustomerId, { type: 'card', limit: 100 }),
      ])
      const ofCustomer = customer.deleted ? undefined : idOf(customer.invoice_settings.default_payment_method)
      const ofSubscription = idOf(subscription?.default_payment_method)
      const first = ofSubscription ?? ofCustomer
      const rank = ({ id }: Stripe.PaymentMethod) => (id === ofSubscription ? 0 : id === ofCustomer ? 1 : 2)
      return saved.data
        .toReversed()
        .toSorted((a, b) => rank(a) - rank(b) || a.created - b.created)
        .map((method) => toPaymentMethod(method, method.id === first))
    },

    async chargeRenewalsTo({ providerSubscriptionId, paymentMethodId }) {
      const { schedule } = await stripe.subscriptions.update(providerSubscriptionId, {
        default_payment_method: paymentMethodId,
      })
      const scheduleId = idOf(schedule)
      // A change of plan that is planned would bring back the card of the day it was planned.
      if (scheduleId)
        await stripe.subscriptionSchedules.update(scheduleId, {
          default_settings: { default_payment_method: paymentMethodId },
        })
    },

    async setDefaultPaymentMethod({ providerCustomerId, paymentMethodId }) {
      await stripe.customers.update(providerCustomerId, {
        invoice_settings: { default_payment_method: paymentMethodId },
      })
    },

    async attachPaymentMethod({ providerCustomerId, paymentMethodId }, effectKey) {
      try {
        const { id } = await stripe.paymentMethods.attach(
          paymentMethodId,
          { customer: providerCustomerId },
          { idempotencyKey: effectKey },
        )
        return id
      } catch (error) {
        if (isOfNobodyOrSomebodyElse(error))
          throw new BillingError('payment_method_not_found', {
            detail: 'There is no such payment method, or it belongs to another customer.',
            cause: error,
          })
        throw error
      }
    },

    async detachPaymentMethod(paymentMethodId, effectKey) {
      await stripe.paymentMethods.detach(paymentMethodId, {}, { idempotencyKey: effectKey })
    },
  }
}

function isOfNobodyOrSomebodyElse(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeError)) return false
  const { code, param } = error
  return code === 'payment_method_unexpected_state' || (code === 'resource_missing' && param !== 'customer')
}

function toPaymentMethod(method: Stripe.PaymentMethod, isDefault: boolean): PaymentMethod {
  const { id, card, created } = method
  return {
    paymentMethodId: id,
    brand: card?.brand ?? 'unknown',
    last4: card?.last4 ?? '',
    expiryMonth: card?.exp_month ?? 0,
    expiryYear: card?.exp_year ?? 0,
    addedAt: created * 1000,
    isDefault,
  }
}
