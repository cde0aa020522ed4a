import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { paymentTransfers } from '../domain/ledger.ts'
import type { InvoiceSnapshot } from '../domain/subscription.ts'
import type { Scene } from './scene.ts'

/** Enters the money of a paid invoice, once, whichever look shows it first and whatever it means for the subscription. */
export async function enterPaidInvoice(
  { transaction, subject, payment }: Scene,
  { invoiceId, amountPaid, tax }: InvoiceSnapshot,
  occurredAt: Date,
): Promise<void> {
  const { projectId, subscriptionId } = subject
  const intent = `${subscriptionId}/paid/${invoiceId}`
  const transfers = paymentTransfers('subscription', amountPaid, tax)
  await once(transaction, { projectId, intent }, () =>
    enterLedger(transaction, { projectId, userId: payment.userId, intent, invoiceId, occurredAt, transfers }),
  )
}
