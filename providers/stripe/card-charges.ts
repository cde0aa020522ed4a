import { Stripe } from 'stripe'
import { BillingError } from '../../domain/errors.ts'
import { type CardCharge, metadataKeys, type PaymentProvider } from '../../domain/provider.ts'
import { toChargeAttempt } from './snapshots.ts'

/** Charges of a saved card for which there is no page and no invoice. */
export function cardCharges(stripe: Stripe): Pick<PaymentProvider, 'chargeCard' | 'findCardCharge'> {
  return {
    async chargeCard(
      { projectId, paymentId, providerCustomerId, paymentMethodId, amount, description },
      effectKey,
    ) {
      try {
        const intent = await stripe.paymentIntents.create(
          {
            amount: amount.amountMinor,
            currency: amount.currency,
            customer: providerCustomerId,
            payment_method: paymentMethodId,
            off_session: true,
            confirm: true,
            description,
            metadata: { [metadataKeys.project]: projectId, [metadataKeys.topUp]: paymentId },
          },
          { idempotencyKey: effectKey },
        )
        return await toCardCharge(stripe, intent)
      } catch (error) {
        const declined = error instanceof Stripe.errors.StripeCardError ? error.payment_intent : undefined
        if (!declined) throw error
        return toCardCharge(stripe, declined)
      }
    },

    async findCardCharge({ paymentId, providerCustomerId }) {
      for await (const intent of stripe.paymentIntents.list({ customer: providerCustomerId, limit: 100 })) {
        if (intent.metadata[metadataKeys.topUp] === paymentId) return toCardCharge(stripe, intent)
      }
      return undefined
    },
  }
}

async function toCardCharge(stripe: Stripe, intent: Stripe.PaymentIntent): Promise<CardCharge> {
  const { id, status, last_payment_error: failure } = intent
  // Cards are answered at once; whatever else is under way has no outcome yet.
  if (status === 'processing') throw new BillingError('outcome_pending')
  const { data: charges } = await stripe.charges.list({ payment_intent: id, limit: 100 })
  const charge = { stripePaymentIntentId: id, attempts: charges.toReversed().map(toChargeAttempt) }
  if (status === 'succeeded') return { ...charge, outcome: 'succeeded' }
  const declineCode = failure?.decline_code ?? failure?.code
  const needsCustomer = status === 'requires_action' || failure?.code === 'authentication_required'
  return {
    ...charge,
    outcome: needsCustomer ? 'needs_customer' : 'declined',
    ...(needsCustomer ? { declineCode: 'authentication_required' } : declineCode && { declineCode }),
  }
}
