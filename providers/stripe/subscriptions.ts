import type { Stripe } from 'stripe'
import type { PaymentProvider, ResumeAnswer } from '../../domain/provider.ts'
import { withAttempts } from './invoices.ts'
import { idOf, toInvoiceSnapshot, toSubscriptionSnapshot } from './snapshots.ts'

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
        },
        { idempotencyKey: effectKey },
      )
      const { latest_invoice: invoice } = resumed
      if (resumed.status !== 'paused') return { outcome: 'resumed' }
      const invoiceId = idOf(invoice)
      return invoiceId ? unpaidResumption(stripe, invoiceId) : { outcome: 'declined' }
    },
  }
}

/** Read anew, because the answer to a repeated call shows how it was at first. What the customer can confirm is left to them.
 *  After a decline the invoice is made void: paid days later, it would resume what nobody expects any more. */
async function unpaidResumption(stripe: Stripe, invoiceId: string): Promise<ResumeAnswer> {
  const invoice = await stripe.invoices.retrieve(invoiceId, { expand: ['payments'] })
  if (invoice.status === 'paid') return { outcome: 'resumed' }
  if (invoice.status !== 'open') return { outcome: 'declined' }
  if (await needsCustomer(stripe, invoice)) {
    const { amountDue: due, payUrl } = toInvoiceSnapshot(invoice)
    return { outcome: 'authenticate', invoiceId, due, ...(payUrl && { payUrl }) }
  }
  await stripe.invoices.voidInvoice(invoiceId)
  return { outcome: 'declined' }
}

async function needsCustomer(stripe: Stripe, { payments }: Stripe.Invoice): Promise<boolean> {
  const intents = (payments?.data ?? [])
    .map(({ payment }) => idOf(payment.payment_intent))
    .filter((id) => id !== undefined)
  const read = await Promise.all(intents.map((id) => stripe.paymentIntents.retrieve(id)))
  return read.some(
    ({ status, last_payment_error: error }) =>
      status === 'requires_action' || error?.code === 'authentication_required',
  )
}

async function hasEnded(stripe: Stripe, subscriptionId: string): Promise<boolean> {
  const { status } = await stripe.subscriptions.retrieve(subscriptionId)
  return status === 'canceled' || status === 'incomplete_expired'
}
