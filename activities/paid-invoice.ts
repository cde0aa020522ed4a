import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { paymentTransfers } from '../domain/ledger.ts'
import type { InvoiceSnapshot } from '../domain/subscription.ts'
import type { Scene } from './scene.ts'

/** Enters the money of a paid invoice, once, whichever look shows it first and whatever it means for the subscription. */
export async function enterPaidInvoice(
  { transaction, subject, payment }: Scene,
  { invoiceId, stripePaymentIntentId, amountPaid }: InvoiceSnapshot,
  occurredAt: Date,
): Promise<void> {
  const { projectId, subscriptionId } = subject
  const { userId, livemode } = payment
  const intent = `${subscriptionId}/paid/${invoiceId}`
  await once(transaction, { projectId, intent }, async () => {
    const transfers = paymentTransfers('subscription', amountPaid)
    await enterLedger(transaction, { projectId, userId, intent, occurredAt, transfers })
    // A refund or a dispute names the payment, and nothing of the subscription.
    await ownStripeObjects(transaction, { projectId, ownerId: subscriptionId, livemode }, [
      invoiceId,
      stripePaymentIntentId,
    ])
  })
}
