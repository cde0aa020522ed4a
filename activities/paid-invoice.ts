import { enterLedger } from '../db/ledger.ts'
import { hasHappened, once } from '../db/once.ts'
import { paymentTransfers } from '../domain/ledger.ts'
import type { InvoiceSnapshot } from '../domain/subscription.ts'
import type { Scene, Subject } from './scene.ts'

/** Enters the money of a paid invoice, once, whichever look shows it first and whatever it means for the subscription. */
export async function enterPaidInvoice(
  { transaction, subject, payment }: Scene,
  { invoiceId, amountPaid, tax }: InvoiceSnapshot,
  occurredAt: Date,
): Promise<void> {
  const { projectId } = subject
  const intent = intentOf(subject, invoiceId)
  const transfers = paymentTransfers('subscription', amountPaid, tax)
  await once(transaction, { projectId, intent }, () =>
    enterLedger(transaction, { projectId, userId: payment.userId, intent, invoiceId, occurredAt, transfers }),
  )
}

/** Whether its money has been entered. */
export function isEntered({ transaction, subject }: Scene, { invoiceId }: InvoiceSnapshot): Promise<boolean> {
  return hasHappened(transaction, { projectId: subject.projectId, intent: intentOf(subject, invoiceId) })
}

const intentOf = ({ subscriptionId }: Subject, invoiceId: string) => `${subscriptionId}/paid/${invoiceId}`
