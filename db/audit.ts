import { and, asc, eq } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { audit } from './schema/index.ts'

export type AuditRow = Omit<typeof audit.$inferInsert, 'id' | 'recordedAt'>

/** Remembers who changed what and why, in the transaction of the change. */
export async function writeAudit(transaction: Transaction, row: AuditRow): Promise<void> {
  await transaction.insert(audit).values(row)
}

/** All that is remembered of a subject, in the order in which it happened by its own clock. */
export async function listAudit(
  transaction: Transaction,
  projectId: ProjectId,
  subjectId: string,
): Promise<(typeof audit.$inferSelect)[]> {
  return transaction
    .select()
    .from(audit)
    .where(and(eq(audit.projectId, projectId), eq(audit.subjectId, subjectId)))
    .orderBy(asc(audit.occurredAt), asc(audit.id))
    .limit(MAX_ENTRIES)
}

/** Years of a monthly subscription with every renewal failing. */
const MAX_ENTRIES = 5_000
