import { and, eq, isNull, sql } from 'drizzle-orm'
import type { CustomerId, ProjectId } from '../domain/ids.ts'
import type { NoticeData } from '../domain/notices.ts'
import type { Database, Transaction } from './client.ts'
import { customers, notices, projects } from './schema/index.ts'
import type { SkippedReason } from './schema/notices.ts'

/** Postgres channel that wakes the mail relay at commit. */
export const NOTICES_CHANNEL = 'quittance_notices'

export interface Notice {
  projectId: ProjectId
  /** The same for the same notice, whoever repeats the work: an intent such as `dunning/in_1/retry-2/upcoming`. */
  noticeId: string
  customerId: CustomerId
  livemode: boolean
  data: NoticeData
}

/** Leaves a notice for the mail relay, in the transaction of the fact that it tells.
 *  @returns whether it is new. */
export async function addNotice(transaction: Transaction, notice: Notice): Promise<boolean> {
  const [inserted] = await Promise.all([
    transaction
      .insert(notices)
      .values(notice)
      .onConflictDoNothing()
      .returning({ noticeId: notices.noticeId }),
    transaction.execute(sql`select pg_notify(${NOTICES_CHANNEL}, '')`),
  ])
  return inserted.length > 0
}

export interface ClaimedNotice {
  projectId: ProjectId
  noticeId: string
  customerId: CustomerId
  data: NoticeData
  age_s: number
}

type NoticeKey = Pick<ClaimedNotice, 'projectId' | 'noticeId'>

/** Takes notices that are due, the longest due first, and puts them off by the lease: should this process die, another takes
 *  them up then. Two that claim at once get different ones. */
export async function claimDueNotices(
  system: Database,
  { limit, lease_s }: { limit: number; lease_s: number },
): Promise<ClaimedNotice[]> {
  const due = system
    .select({ projectId: notices.projectId, noticeId: notices.noticeId })
    .from(notices)
    .where(and(isWaiting, sql`${notices.nextAttemptAt} <= now()`))
    .orderBy(notices.nextAttemptAt)
    .limit(limit)
    .for('update', { skipLocked: true })
  const rows = await system
    .update(notices)
    .set({ nextAttemptAt: inSeconds(sql`${lease_s}`), attempts: sql`${notices.attempts} + 1` })
    .where(sql`(${notices.projectId}, ${notices.noticeId}) in ${due}`)
    .returning({
      projectId: notices.projectId,
      noticeId: notices.noticeId,
      customerId: notices.customerId,
      data: notices.data,
      age_s: sql<string>`extract(epoch from now() - ${notices.createdAt})`,
    })
  return rows.map((row) => ({ ...row, age_s: Number(row.age_s) }))
}

/** Who gets the mail, and in whose name. Read when it is sent, so that an address that was changed or erased meanwhile counts. */
export async function readAddressee(
  transaction: Transaction,
  { projectId, customerId }: Pick<ClaimedNotice, 'projectId' | 'customerId'>,
): Promise<{ email: string | null; projectName: string }> {
  const [row] = await transaction
    .select({ email: customers.email, projectName: projects.name })
    .from(customers)
    .innerJoin(projects, eq(projects.projectId, customers.projectId))
    .where(and(eq(customers.projectId, projectId), eq(customers.customerId, customerId)))
  if (!row) throw new Error(`customer ${customerId} is missing`)
  return row
}

export async function markNoticeSent(system: Database, notice: NoticeKey): Promise<void> {
  await system
    .update(notices)
    .set({ sentAt: sql`now()`, lastError: null })
    .where(and(isNotice(notice), isWaiting))
}

/** Leaves it unsent for good. An operator can have it tried again by taking the reason away. */
export async function skipNotice(
  system: Database,
  notice: NoticeKey,
  skippedReason: SkippedReason,
): Promise<void> {
  await system
    .update(notices)
    .set({ skippedReason })
    .where(and(isNotice(notice), isWaiting))
}

/** Puts a notice off after a failed attempt: 10, 20, 40, … seconds, a quarter of an hour at most. */
export async function postponeNotice(system: Database, notice: NoticeKey, lastError: string): Promise<void> {
  await system
    .update(notices)
    .set({ nextAttemptAt: inSeconds(sql`least(900, 5 * 2 ^ least(${notices.attempts}, 8))`), lastError })
    .where(and(isNotice(notice), isWaiting))
}

/** Counts a refusal of the mail server and puts the notice off by 5 minutes, then an hour; the last one that is allowed gives
 *  it up.
 *  @returns whether it was given up. */
export async function refuseNotice(
  system: Database,
  notice: NoticeKey,
  { lastError, limit }: { lastError: string; limit: number },
): Promise<boolean> {
  const refused: SkippedReason = 'refused'
  const [row] = await system
    .update(notices)
    .set({
      refusals: sql`${notices.refusals} + 1`,
      nextAttemptAt: inSeconds(sql`300 * 12 ^ ${notices.refusals}`),
      skippedReason: sql`case when ${notices.refusals} + 1 >= ${limit} then ${refused}::text end`,
      lastError,
    })
    .where(and(isNotice(notice), isWaiting))
    .returning({ skippedReason: notices.skippedReason })
  return row?.skippedReason === refused
}

/** Notices that wait to be sent and the age of the oldest, counted up to a bound that keeps the question cheap. */
export async function measureNotices(
  system: Database,
  bound = 10_000,
): Promise<{ unsent: number; oldestAge_s: number }> {
  const [row] = await system.execute<{ unsent: number; oldest_age_s: number }>(sql`
    select count(*)::int as unsent, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as oldest_age_s
    from (select created_at from ${notices} where ${isWaiting} limit ${bound}) as waiting`)
  return { unsent: row?.unsent ?? 0, oldestAge_s: row?.oldest_age_s ?? 0 }
}

const isNotice = ({ projectId, noticeId }: NoticeKey) =>
  and(eq(notices.projectId, projectId), eq(notices.noticeId, noticeId))

const isWaiting = and(isNull(notices.sentAt), isNull(notices.skippedReason))

const inSeconds = (seconds: ReturnType<typeof sql>) => sql`now() + ${seconds} * interval '1 second'`
