import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm'
import type { ClockId, CustomerId, ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { clockDeadlines, customers, plans, subscriptions, testClocks } from './schema/index.ts'
import { isSoldPlan } from './subscriptions.ts'

/** Test clocks, and what the workflows on them wait for. */

export type TestClockRow = typeof testClocks.$inferSelect

export async function insertTestClock(
  transaction: Transaction,
  row: typeof testClocks.$inferInsert,
): Promise<void> {
  await transaction.insert(testClocks).values(row).onConflictDoNothing()
}

export async function findTestClock(
  transaction: Transaction,
  projectId: ProjectId,
  clockId: ClockId,
): Promise<TestClockRow | undefined> {
  const [row] = await transaction.select().from(testClocks).where(isClock(projectId, clockId))
  return row
}

/** @throws Error when the row is missing, which only a defect of ours can cause. */
export async function readTestClock(
  transaction: Transaction,
  projectId: ProjectId,
  clockId: ClockId,
): Promise<TestClockRow> {
  const row = await findTestClock(transaction, projectId, clockId)
  if (!row) throw new Error(`test clock ${clockId} is missing`)
  return row
}

export async function updateTestClock(
  transaction: Transaction,
  { projectId, clockId }: { projectId: ProjectId; clockId: ClockId },
  columns: Partial<Pick<TestClockRow, 'frozenTime' | 'targetTime' | 'status' | 'stripeTestClockId'>>,
): Promise<void> {
  await transaction.update(testClocks).set(columns).where(isClock(projectId, clockId))
}

/** A workflow on a clock goes to sleep: it has done all that was due by `settledAt` and wants to be woken at `nextAt`. */
export async function reportDeadline(
  transaction: Transaction,
  row: { projectId: ProjectId; clockId: ClockId; workflowId: string; nextAt: Date; settledAt: Date },
): Promise<void> {
  const { nextAt, settledAt } = row
  await transaction
    .insert(clockDeadlines)
    .values(row)
    .onConflictDoUpdate({
      target: [clockDeadlines.projectId, clockDeadlines.workflowId],
      set: { nextAt, settledAt, updatedAt: sql`now()` },
    })
}

/** Something was written that another workflow on the clock must see before the clock may go on: it is due now. */
export async function makeDue(
  transaction: Transaction,
  { projectId, clockId, at }: { projectId: ProjectId; clockId: ClockId; at: Date },
  workflowIds: string[],
): Promise<void> {
  if (workflowIds.length === 0) return
  const neverYet = new Date(0)
  await transaction
    .insert(clockDeadlines)
    .values(
      workflowIds.map((workflowId) => ({ projectId, clockId, workflowId, nextAt: at, settledAt: neverYet })),
    )
    .onConflictDoUpdate({
      target: [clockDeadlines.projectId, clockDeadlines.workflowId],
      set: { nextAt: sql`least(${clockDeadlines.nextAt}, excluded.next_at)`, settledAt: neverYet },
    })
}

/** A workflow that has ended waits for nothing. */
export async function forgetDeadlines(
  transaction: Transaction,
  projectId: ProjectId,
  workflowIds: string[],
): Promise<void> {
  if (workflowIds.length === 0) return
  await transaction
    .delete(clockDeadlines)
    .where(and(eq(clockDeadlines.projectId, projectId), inArray(clockDeadlines.workflowId, workflowIds)))
}

/** Whom the clock's time concerns: those whose deadline has come. */
export async function listDue(
  transaction: Transaction,
  clock: { projectId: ProjectId; clockId: ClockId },
  at: Date,
): Promise<string[]> {
  const rows = await transaction
    .select({ workflowId: clockDeadlines.workflowId })
    .from(clockDeadlines)
    .where(and(onClock(clock), lte(clockDeadlines.nextAt, at)))
    .orderBy(asc(clockDeadlines.nextAt), asc(clockDeadlines.workflowId))
  return rows.map(({ workflowId }) => workflowId)
}

/** Which of these workflows have not yet done all that was due at that time. */
export async function listUnsettled(
  transaction: Transaction,
  clock: { projectId: ProjectId; clockId: ClockId },
  workflowIds: string[],
  at: Date,
): Promise<string[]> {
  if (workflowIds.length === 0) return []
  const rows = await transaction
    .select({ workflowId: clockDeadlines.workflowId })
    .from(clockDeadlines)
    .where(
      and(
        onClock(clock),
        inArray(clockDeadlines.workflowId, workflowIds),
        sql`(${clockDeadlines.settledAt} < ${at.toISOString()}::timestamptz or ${clockDeadlines.nextAt} <= ${at.toISOString()}::timestamptz)`,
      ),
    )
  return rows.map(({ workflowId }) => workflowId)
}

/** The earliest time at which a workflow on the clock wants to be woken. */
export async function earliestDeadline(
  transaction: Transaction,
  clock: { projectId: ProjectId; clockId: ClockId },
): Promise<Date | undefined> {
  const [row] = await transaction
    .select({ nextAt: clockDeadlines.nextAt })
    .from(clockDeadlines)
    .where(onClock(clock))
    .orderBy(asc(clockDeadlines.nextAt))
    .limit(1)
  return row?.nextAt
}

/** How long the shortest period of a running subscription on the clock is, in days; `undefined` without any. */
export async function shortestInterval(
  transaction: Transaction,
  { projectId, clockId }: { projectId: ProjectId; clockId: ClockId },
): Promise<'day' | 'week' | 'month' | 'year' | undefined> {
  const rows = await transaction
    .selectDistinct({ interval: plans.interval })
    .from(subscriptions)
    .innerJoin(
      customers,
      and(
        eq(customers.projectId, subscriptions.projectId),
        eq(customers.customerId, subscriptions.customerId),
      ),
    )
    .innerJoin(plans, isSoldPlan)
    .where(
      and(
        eq(subscriptions.projectId, projectId),
        eq(customers.clockId, clockId),
        sql`${subscriptions.status} <> 'canceled'`,
      ),
    )
  const intervals = new Set(rows.map(({ interval }) => interval))
  return (['day', 'week', 'month', 'year'] as const).find((interval) => intervals.has(interval))
}

/** How many events of test mode that were received by then no workflow has been told of. */
export async function countUnhandledTestEvents(transaction: Transaction, before: Date): Promise<number> {
  const [row] = await transaction.execute<{ count: string }>(
    sql`select unhandled_test_events(${before.toISOString()}::timestamptz) as count`,
  )
  return Number(row?.count)
}

/** Which workflows on the clock have been told of events that were received since then. */
export async function listToldSince(
  transaction: Transaction,
  clock: { projectId: ProjectId; clockId: ClockId },
  since: Date,
): Promise<string[]> {
  const rows = await transaction
    .select({ workflowId: clockDeadlines.workflowId })
    .from(clockDeadlines)
    .where(
      and(
        onClock(clock),
        sql`${clockDeadlines.workflowId} in (select workflows_told_since(${since.toISOString()}::timestamptz))`,
      ),
    )
  return rows.map(({ workflowId }) => workflowId)
}

const onClock = ({ projectId, clockId }: { projectId: ProjectId; clockId: ClockId }) =>
  and(eq(clockDeadlines.projectId, projectId), eq(clockDeadlines.clockId, clockId))

const isClock = (projectId: ProjectId, clockId: ClockId) =>
  and(eq(testClocks.projectId, projectId), eq(testClocks.clockId, clockId))

/** What time it is for a customer: that of their test clock, if they hang on one. */
export async function timeOfCustomer(
  transaction: Transaction,
  { projectId, customerId }: { projectId: ProjectId; customerId: CustomerId },
  now: Date,
): Promise<{ at: Date; clockId: ClockId | null }> {
  const [row] = await transaction
    .select({ clockId: customers.clockId, frozenTime: testClocks.frozenTime })
    .from(customers)
    .leftJoin(
      testClocks,
      and(eq(testClocks.projectId, customers.projectId), eq(testClocks.clockId, customers.clockId)),
    )
    .where(and(eq(customers.projectId, projectId), eq(customers.customerId, customerId)))
  return { at: row?.frozenTime ?? now, clockId: row?.clockId ?? null }
}
