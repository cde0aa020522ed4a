import { and, eq } from 'drizzle-orm'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import type { Transfer } from '../domain/ledger.ts'
import type { Transaction } from './client.ts'
import { deriveId } from './mint-id.ts'
import { ledgerEntries, ledgerTransfers } from './schema/index.ts'

export interface LedgerEntry {
  projectId: ProjectId
  userId: string
  /** What moved the money: `pay_…/succeeded`. Entering the same intent twice is refused by the database. */
  intent: string
  /** The payment or the invoice that the money was for. */
  paymentId?: PaymentId
  invoiceId?: string
  occurredAt: Date
  transfers: Transfer[]
}

/** The transfers of an entry. */
export const isOfEntry = and(
  eq(ledgerTransfers.projectId, ledgerEntries.projectId),
  eq(ledgerTransfers.entryId, ledgerEntries.entryId),
)

/** Enters a movement of money in the transaction of the state it explains. An entry without transfers is none. */
export async function enterLedger(transaction: Transaction, entry: LedgerEntry): Promise<void> {
  const { transfers, ...columns } = entry
  const { projectId, intent } = entry
  if (transfers.length === 0) return
  const entryId = deriveId('le', projectId, intent)
  // One trip for both: the server takes them in this order.
  await Promise.all([
    transaction.insert(ledgerEntries).values({ ...columns, entryId }),
    transaction.insert(ledgerTransfers).values(
      transfers.map((transfer, position) => ({
        projectId,
        entryId,
        position,
        debitAccount: transfer.debit,
        creditAccount: transfer.credit,
        amount: transfer.amount.amountMinor,
        currency: transfer.amount.currency,
      })),
    ),
  ])
}
