import type { Stripe } from 'stripe'
import { BillingError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import { metadataKeys, type PaymentProvider } from '../../domain/provider.ts'
import { toOpenedCheckout } from './checkouts.ts'
import { idOf, oneOf } from './snapshots.ts'

/** Pages on which a customer saves a card: Checkout in setup mode.
 *  Source: https://docs.stripe.com/payments/checkout/save-and-reuse */
export function setupPages(
  stripe: Stripe,
): Pick<PaymentProvider, 'openSetupPage' | 'findSetupPage' | 'readSetupPage'> {
  return {
    async openSetupPage({ projectId, customerId, setupId, providerCustomerId, ...urls }, effectKey) {
      return toOpenedCheckout(
        await stripe.checkout.sessions.create(
          {
            mode: 'setup',
            customer: providerCustomerId,
            success_url: urls.successUrl,
            cancel_url: urls.cancelUrl,
            // What renewals are charged to without the customer; Stripe would offer whatever the account has switched on.
            allowed_payment_method_types: ['card'],
            metadata: {
              [metadataKeys.project]: projectId,
              [metadataKeys.customer]: customerId,
              [metadataKeys.setup]: setupId,
            },
          },
          { idempotencyKey: effectKey },
        ),
      )
    },

    async findSetupPage({ setupId, providerCustomerId }) {
      for await (const session of stripe.checkout.sessions.list({
        customer: providerCustomerId,
        limit: 100,
      })) {
        if (session.metadata?.[metadataKeys.setup] === setupId) return toOpenedCheckout(session)
      }
      return undefined
    },

    async readSetupPage(sessionId) {
      const session = await stripe.checkout.sessions.retrieve(sessionId, { expand: ['setup_intent'] })
      const { status, created, expires_at: expiresAt, metadata, setup_intent: intent } = session
      if (status === null)
        throw new BillingError('provider_refused', {
          detail: `Checkout session ${sessionId} has no status.`,
        })
      const customerId = metadata?.[metadataKeys.customer] ?? ''
      const paymentMethodId =
        intent !== null && typeof intent === 'object' && intent.status === 'succeeded'
          ? idOf(intent.payment_method)
          : undefined
      return {
        status: oneOf(['open', 'complete', 'expired'], status),
        openedAt: created * 1000,
        expiresAt: expiresAt * 1000,
        ...(isId('cst', customerId) && { customerId }),
        ...(paymentMethodId && { paymentMethodId }),
      }
    },
  }
}
