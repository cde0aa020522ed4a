import type { Transaction } from './client.ts'
import { audit } from './schema/index.ts'

export type AuditRow = Omit<typeof audit.$inferInsert, 'id' | 'recordedAt'>

/** Remembers who changed what and why, in the transaction of the change. */
export async function writeAudit(transaction: Transaction, row: AuditRow): Promise<void> {
  await transaction.insert(audit).values(row)
}
