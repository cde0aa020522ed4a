import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm'
import {
  differenceKey,
  type DifferenceKind,
  type DifferenceStatus,
  type Finding,
  type Stage,
  stages,
} from '../domain/reconciliation.ts'
import type { Database } from './client.ts'
import { newestFirst, type NewestFirstPage, olderThan } from './newest-first.ts'
import { reconciliationDifferences, reconciliations, reconciliationSightings } from './schema/index.ts'

/** Comparisons of the whole installation: the system role's. */

export type ReconciliationRow = typeof reconciliations.$inferSelect
export type DifferenceRow = typeof reconciliationDifferences.$inferSelect

/** A run that has written nothing for so long was ended by somebody. */
const ABANDONED_AFTER_S = 3_600

/** Begins a comparison, or finds the one of that id as far as it has come. There is one at a time.
 *  @returns the one that is running, which may be another. */
export async function beginReconciliation(
  system: Database,
  begun: { reconciliationId: string; livemode: boolean; requestedBy: string },
): Promise<ReconciliationRow> {
  const { reconciliationId, livemode } = begun
  return system.transaction(async (transaction) => {
    await transaction
      .update(reconciliations)
      .set({ status: 'abandoned', endedAt: sql`now()` })
      .where(
        and(
          eq(reconciliations.livemode, livemode),
          eq(reconciliations.status, 'running'),
          sql`${reconciliations.updatedAt} < now() - ${ABANDONED_AFTER_S} * interval '1 second'`,
        ),
      )
    const [inserted] = await transaction
      .insert(reconciliations)
      .values({ ...begun, status: 'running', stage: stages[0] })
      .onConflictDoNothing()
      .returning()
    if (!inserted) {
      const rows = await transaction
        .select()
        .from(reconciliations)
        .where(
          sql`${reconciliations.reconciliationId} = ${reconciliationId}
            or (${reconciliations.livemode} = ${livemode} and ${reconciliations.status} = 'running')`,
        )
      const found = rows.find((row) => row.reconciliationId === reconciliationId) ?? rows[0]
      if (!found) throw new Error(`reconciliation ${reconciliationId} was neither begun nor found`)
      return found
    }
    // One before it had no more calls left: what it has seen counts.
    const [before] = await transaction
      .select()
      .from(reconciliations)
      .where(
        and(
          eq(reconciliations.livemode, livemode),
          sql`${reconciliations.reconciliationId} <> ${reconciliationId}`,
          inArray(reconciliations.status, ['completed', 'out_of_calls']),
        ),
      )
      .orderBy(desc(reconciliations.endedAt))
      .limit(1)
    if (!before?.brokenOffAt) return inserted
    await transaction
      .update(reconciliationSightings)
      .set({ reconciliationId })
      .where(eq(reconciliationSightings.reconciliationId, before.reconciliationId))
    const [going] = await transaction
      .update(reconciliations)
      .set({ brokenOffAt: before.brokenOffAt })
      .where(eq(reconciliations.reconciliationId, reconciliationId))
      .returning()
    return going ?? inserted
  })
}

export interface Progress {
  stage: Stage
  cursor: string | null
  calls: number
  compared: number
  foreign: number
  /** Stripe's ids that were there. */
  seen: string[]
  findings: Finding[]
  /** Where the walk goes on in the next run; left as it is when left out. */
  brokenOffAt?: { stage: Stage; cursor: string | null } | null
}

/** Writes what one step has found, and where the next begins, at once: a step that is repeated finds itself done. */
export async function saveProgress(
  system: Database,
  reconciliationId: string,
  progress: Progress,
): Promise<void> {
  const { stage, cursor, calls, compared, foreign, seen, findings, brokenOffAt } = progress
  await system.transaction(async (transaction) => {
    await transaction
      .update(reconciliations)
      .set({
        stage,
        cursor,
        calls: sql`${reconciliations.calls} + ${calls}`,
        compared: sql`${reconciliations.compared} + ${compared}`,
        foreign: sql`${reconciliations.foreign} + ${foreign}`,
        ...(brokenOffAt !== undefined && { brokenOffAt }),
        updatedAt: sql`now()`,
      })
      .where(eq(reconciliations.reconciliationId, reconciliationId))
    if (seen.length > 0)
      await transaction
        .insert(reconciliationSightings)
        .values(seen.map((stripeId) => ({ reconciliationId, stripeId })))
        .onConflictDoNothing()
    if (findings.length > 0)
      await transaction
        .insert(reconciliationDifferences)
        .values(
          findings.map((finding) => ({
            reconciliationId,
            key: differenceKey(finding),
            projectId: finding.projectId,
            kind: finding.kind,
            status: 'found' as const,
            finding,
          })),
        )
        .onConflictDoNothing()
  })
}

/** Which of these Stripe has not shown in this run. */
export async function listUnseen(
  system: Database,
  reconciliationId: string,
  stripeIds: string[],
): Promise<string[]> {
  if (stripeIds.length === 0) return []
  const rows = await system
    .select({ stripeId: reconciliationSightings.stripeId })
    .from(reconciliationSightings)
    .where(
      and(
        eq(reconciliationSightings.reconciliationId, reconciliationId),
        inArray(reconciliationSightings.stripeId, stripeIds),
      ),
    )
  const seen = new Set(rows.map(({ stripeId }) => stripeId))
  return stripeIds.filter((id) => !seen.has(id))
}

/** Differences about which nothing has been done yet. */
export async function listFound(
  system: Database,
  reconciliationId: string,
  limit: number,
): Promise<DifferenceRow[]> {
  return system
    .select()
    .from(reconciliationDifferences)
    .where(
      and(
        eq(reconciliationDifferences.reconciliationId, reconciliationId),
        eq(reconciliationDifferences.status, 'found'),
      ),
    )
    .orderBy(asc(reconciliationDifferences.foundAt), asc(reconciliationDifferences.key))
    .limit(limit)
}

export async function settleDifference(
  system: Database,
  { reconciliationId, key }: Pick<DifferenceRow, 'reconciliationId' | 'key'>,
  status: DifferenceStatus,
): Promise<void> {
  await system
    .update(reconciliationDifferences)
    .set({ status, settledAt: sql`now()` })
    .where(
      and(
        eq(reconciliationDifferences.reconciliationId, reconciliationId),
        eq(reconciliationDifferences.key, key),
      ),
    )
}

export async function endReconciliation(
  system: Database,
  reconciliationId: string,
  { balances }: Pick<ReconciliationRow, 'balances'>,
): Promise<ReconciliationRow> {
  return system.transaction(async (transaction) => {
    const [row] = await transaction
      .update(reconciliations)
      .set({
        status: sql`case when ${reconciliations.brokenOffAt} is null then 'completed' else 'out_of_calls' end`,
        balances,
        endedAt: sql`now()`,
        updatedAt: sql`now()`,
      })
      .where(eq(reconciliations.reconciliationId, reconciliationId))
      .returning()
    if (!row) throw new Error(`reconciliation ${reconciliationId} is missing`)
    // One that goes on in the next run still needs to know what it has seen.
    if (row.brokenOffAt === null)
      await transaction
        .delete(reconciliationSightings)
        .where(eq(reconciliationSightings.reconciliationId, reconciliationId))
    return row
  })
}

export async function findReconciliation(
  system: Database,
  reconciliationId: string,
): Promise<ReconciliationRow | undefined> {
  const [row] = await system
    .select()
    .from(reconciliations)
    .where(eq(reconciliations.reconciliationId, reconciliationId))
  return row
}

/** Newest first. */
export async function listReconciliations(
  system: Database,
  { livemode, limit, before }: NewestFirstPage & { livemode: boolean },
): Promise<ReconciliationRow[]> {
  return system
    .select()
    .from(reconciliations)
    .where(
      and(
        eq(reconciliations.livemode, livemode),
        olderThan(before, reconciliations.startedAt, reconciliations.reconciliationId),
      ),
    )
    .orderBy(...newestFirst(reconciliations.startedAt, reconciliations.reconciliationId))
    .limit(limit)
}

/** How many differences of each kind a comparison has found, and what became of them. */
export async function countDifferences(
  system: Database,
  reconciliationIds: string[],
): Promise<{ reconciliationId: string; kind: DifferenceKind; status: DifferenceStatus; count: number }[]> {
  if (reconciliationIds.length === 0) return []
  const { reconciliationId, kind, status } = reconciliationDifferences
  const rows = await system
    .select({ reconciliationId, kind, status, count: sql<string>`count(*)` })
    .from(reconciliationDifferences)
    .where(inArray(reconciliationId, reconciliationIds))
    .groupBy(reconciliationId, kind, status)
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

/** A page of what a comparison has found, in the order of their keys. */
export async function listDifferences(
  system: Database,
  reconciliationId: string,
  { limit, after }: { limit: number; after: string | undefined },
): Promise<DifferenceRow[]> {
  return system
    .select()
    .from(reconciliationDifferences)
    .where(
      and(
        eq(reconciliationDifferences.reconciliationId, reconciliationId),
        after === undefined ? undefined : sql`${reconciliationDifferences.key} > ${after}`,
      ),
    )
    .orderBy(asc(reconciliationDifferences.key))
    .limit(limit)
}
