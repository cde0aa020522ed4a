import type { Stripe } from 'stripe'
import type { PaymentProvider } from '../../domain/provider.ts'
import { withAttempts } from './invoices.ts'
import { toSubscriptionSnapshot } from './snapshots.ts'

/** Subscriptions: how they stand, and their end. */
export function subscriptions(
  stripe: Stripe,
): Pick<PaymentProvider, 'readSubscription' | 'setCancelAtPeriodEnd' | 'cancelNow' | 'pause' | 'resume'> {
  return {
    async readSubscription(subscriptionId) {
      const subscription = await stripe.subscriptions.retrieve(subscriptionId, {
        expand: ['latest_invoice.payments'],
      })
      const { latest_invoice: invoice } = subscription
      return toSubscriptionSnapshot(
        subscription,
        invoice !== null && typeof invoice === 'object' ? await withAttempts(stripe, invoice) : undefined,
      )
    },

    async setCancelAtPeriodEnd(subscriptionId, cancel) {
      await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: cancel })
    },

    async cancelNow(subscriptionId) {
      if (await hasEnded(stripe, subscriptionId)) return
      try {
        await stripe.subscriptions.cancel(subscriptionId, { invoice_now: false, prorate: false })
      } catch (error) {
        // What was canceled a moment ago cannot be canceled: by a first try whose answer was lost, or by somebody else.
        if (!(await hasEnded(stripe, subscriptionId))) throw error
      }
    },

    async pause({ providerSubscriptionId, creditsUnused }, effectKey) {
      await stripe.subscriptions.pause(
        providerSubscriptionId,
        creditsUnused ? {} : { bill_for: { unused_time_from: { type: 'none' } } },
        { idempotencyKey: effectKey },
      )
    },

    async resume(subscriptionId, effectKey) {
      const resumed = await stripe.subscriptions.resume(
        subscriptionId,
        {
          billing_cycle_anchor: { type: 'now' },
          payment_behavior: 'resume_on_payment_success',
          expand: ['latest_invoice'],
        },
        { idempotencyKey: effectKey },
      )
      if (resumed.status !== 'paused') return 'resumed'
      // Declined. Left open, the invoice could be paid days later and resume what nobody expects any more.
      const { latest_invoice: invoice } = resumed
      if (invoice !== null && typeof invoice === 'object' && invoice.id && invoice.status === 'open')
        await stripe.invoices.voidInvoice(invoice.id)
      return 'declined'
    },
  }
}

async function hasEnded(stripe: Stripe, subscriptionId: string): Promise<boolean> {
  const { status } = await stripe.subscriptions.retrieve(subscriptionId)
  return status === 'canceled' || status === 'incomplete_expired'
}
