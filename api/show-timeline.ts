import { listAudit } from '../db/audit.ts'
import type { Transaction } from '../db/client.ts'
import type { ProjectId } from '../domain/ids.ts'

/** All that is remembered of a subject, as the API shows it. */
export async function showTimeline(transaction: Transaction, projectId: ProjectId, subjectId: string) {
  const rows = await listAudit(transaction, projectId, subjectId)
  return rows.map((row) => ({
    at: row.occurredAt.toISOString(),
    what: row.action,
    why: row.why,
    by: row.actor,
    ...(row.eventId !== null && { event_id: row.eventId }),
    ...(row.policyVersion !== null && { policy_version: row.policyVersion }),
    ...(row.amount !== null && { amount: row.amount }),
    ...(row.currency !== null && { currency: row.currency }),
    stripe_ids: row.stripeIds,
  }))
}
