import type { ProjectId } from '../domain/ids.ts'
import type { Transfer } from '../domain/ledger.ts'
import type { Transaction } from './client.ts'
import { deriveId } from './mint-id.ts'
import { ledgerEntries, ledgerTransfers } from './schema/index.ts'

export interface LedgerEntry {
  projectId: ProjectId
  userId: string
  /** What moved the money: `pay_…/succeeded`. Entering the same intent twice is refused by the database. */
  intent: string
  occurredAt: Date
  transfers: Transfer[]
}

/** Enters a movement of money in the transaction of the state it explains. An entry without transfers is none. */
export async function enterLedger(transaction: Transaction, entry: LedgerEntry): Promise<void> {
  const { projectId, userId, intent, occurredAt, transfers } = entry
  if (transfers.length === 0) return
  const entryId = deriveId('le', projectId, intent)
  await transaction.insert(ledgerEntries).values({ projectId, entryId, intent, userId, occurredAt })
  await transaction.insert(ledgerTransfers).values(
    transfers.map((transfer, position) => ({
      projectId,
      entryId,
      position,
      debitAccount: transfer.debit,
      creditAccount: transfer.credit,
      amount: transfer.amount.amountMinor,
      currency: transfer.amount.currency,
    })),
  )
}
