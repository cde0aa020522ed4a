import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { DunningProgress } from '../domain/dunning.ts'
import { defaultDunningPolicy, type DunningPolicy } from '../domain/dunning-policy.ts'
import type { ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { dunningAttempts, dunningCases, dunningPolicies } from './schema/index.ts'

/** Unpaid invoices and what was tried about them. */

export type DunningCaseRow = typeof dunningCases.$inferSelect
export type DunningAttemptRow = typeof dunningAttempts.$inferSelect

/** The version that stands for the policy of a project that has never chosen one. */
export const DEFAULT_POLICY_VERSION = 0

export interface PolicyVersion {
  version: number
  policy: DunningPolicy
}

/** What holds for a plan now: its own policy, else the project's, else the default. */
export async function currentPolicy(
  transaction: Transaction,
  projectId: ProjectId,
  planId: string,
): Promise<PolicyVersion> {
  const [row] = await transaction
    .select()
    .from(dunningPolicies)
    .where(and(eq(dunningPolicies.projectId, projectId), inArray(dunningPolicies.planId, ['', planId])))
    // A plan's own goes before the project's, and of each the newest counts.
    .orderBy(desc(sql`${dunningPolicies.planId} <> ''`), desc(dunningPolicies.version))
    .limit(1)
  return row ?? { version: DEFAULT_POLICY_VERSION, policy: defaultDunningPolicy }
}

/** Sets a policy as the next version. Of two at once, one waits for the other. */
export async function setPolicy(
  transaction: Transaction,
  {
    projectId,
    planId,
    policy,
    setBy,
  }: { projectId: ProjectId; planId: string; policy: DunningPolicy; setBy: string },
): Promise<number> {
  await transaction.execute(sql`select pg_advisory_xact_lock(hashtext(${`dunning policy of ${projectId}`}))`)
  const [last] = await transaction
    .select({ version: dunningPolicies.version })
    .from(dunningPolicies)
    .where(eq(dunningPolicies.projectId, projectId))
    .orderBy(desc(dunningPolicies.version))
    .limit(1)
  const version = (last?.version ?? DEFAULT_POLICY_VERSION) + 1
  await transaction.insert(dunningPolicies).values({ projectId, version, planId, policy, setBy })
  return version
}

/** All cases of a subscription, oldest first. */
export async function listCases(
  transaction: Transaction,
  projectId: ProjectId,
  subscriptionIds: SubscriptionId[],
): Promise<DunningCaseRow[]> {
  if (subscriptionIds.length === 0) return []
  return transaction
    .select()
    .from(dunningCases)
    .where(and(eq(dunningCases.projectId, projectId), inArray(dunningCases.subscriptionId, subscriptionIds)))
    .orderBy(asc(dunningCases.failedAt), asc(dunningCases.invoiceId))
}

export async function findCase(
  transaction: Transaction,
  projectId: ProjectId,
  invoiceId: string,
): Promise<DunningCaseRow | undefined> {
  const [row] = await transaction.select().from(dunningCases).where(isCase(projectId, invoiceId))
  return row
}

/** @throws Error when the row is missing, which only a defect of ours can cause. */
export async function readCase(
  transaction: Transaction,
  projectId: ProjectId,
  invoiceId: string,
): Promise<DunningCaseRow> {
  const row = await findCase(transaction, projectId, invoiceId)
  if (!row) throw new Error(`dunning case ${invoiceId} is missing`)
  return row
}

export async function insertCase(
  transaction: Transaction,
  row: typeof dunningCases.$inferInsert,
): Promise<DunningCaseRow> {
  const [inserted] = await transaction.insert(dunningCases).values(row).returning()
  if (!inserted) throw new Error(`dunning case ${row.invoiceId} was not inserted`)
  return inserted
}

export async function updateCase(
  transaction: Transaction,
  { projectId, invoiceId }: Pick<DunningCaseRow, 'projectId' | 'invoiceId'>,
  columns: Partial<typeof dunningCases.$inferInsert>,
): Promise<DunningCaseRow> {
  const [updated] = await transaction
    .update(dunningCases)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(isCase(projectId, invoiceId))
    .returning()
  if (!updated) throw new Error(`dunning case ${invoiceId} is missing`)
  return updated
}

/** Each try to collect these invoices, in order. */
export async function listAttempts(
  transaction: Transaction,
  projectId: ProjectId,
  invoiceIds: string[],
): Promise<DunningAttemptRow[]> {
  if (invoiceIds.length === 0) return []
  return transaction
    .select()
    .from(dunningAttempts)
    .where(and(eq(dunningAttempts.projectId, projectId), inArray(dunningAttempts.invoiceId, invoiceIds)))
    .orderBy(asc(dunningAttempts.ordinal))
}

/** Writes an attempt after those there are. The customer's lock is held, so ordinals do not collide. */
export async function insertAttempt(
  transaction: Transaction,
  row: Omit<typeof dunningAttempts.$inferInsert, 'ordinal'>,
): Promise<DunningAttemptRow> {
  const ordinal = sql<number>`(select coalesce(max(ordinal), 0) + 1 from dunning_attempts
    where project_id = ${row.projectId} and invoice_id = ${row.invoiceId})`
  const [inserted] = await transaction
    .insert(dunningAttempts)
    .values({ ...row, ordinal })
    .returning()
  if (!inserted) throw new Error(`an attempt on ${row.invoiceId} was not inserted`)
  return inserted
}

/** Writes what came of an attempt; the first answer stays. */
export async function finishAttempt(
  transaction: Transaction,
  { projectId, invoiceId, ordinal }: Pick<DunningAttemptRow, 'projectId' | 'invoiceId' | 'ordinal'>,
  columns: Pick<DunningAttemptRow, 'outcome' | 'declineCode' | 'adviceCode' | 'stripeChargeId'>,
): Promise<boolean> {
  const finished = await transaction
    .update(dunningAttempts)
    .set(columns)
    .where(
      and(
        eq(dunningAttempts.projectId, projectId),
        eq(dunningAttempts.invoiceId, invoiceId),
        eq(dunningAttempts.ordinal, ordinal),
        isNull(dunningAttempts.outcome),
      ),
    )
    .returning({ ordinal: dunningAttempts.ordinal })
  return finished.length > 0
}

/** What decides of a case, as the domain takes it. */
export function progressOf(row: DunningCaseRow): DunningProgress {
  const { policy, failedAt, retriesDone, retriesNoticed, graceEnded } = row
  return { policy, failedAt: failedAt.getTime(), retriesDone, retriesNoticed, graceEnded }
}

/** What of a subscription is unpaid, by its cases. */
export function owedBy(cases: DunningCaseRow[]): { openCases: number; leftUnpaid?: string[] } {
  const left = cases.filter(
    ({ status, policy }) => status === 'exhausted' && policy.onExhausted === 'leave_past_due',
  )
  return {
    openCases: cases.filter(({ status }) => status === 'open').length,
    ...(left.length > 0 && { leftUnpaid: left.map(({ invoiceId }) => invoiceId) }),
  }
}

const isCase = (projectId: ProjectId, invoiceId: string) =>
  and(eq(dunningCases.projectId, projectId), eq(dunningCases.invoiceId, invoiceId))
