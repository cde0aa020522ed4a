import { desc, eq, sql } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import { defaultRefundPolicy, type RefundPolicy } from '../domain/refunds.ts'
import type { Transaction } from './client.ts'
import { refundPolicies } from './schema/index.ts'

export async function currentRefundPolicy(
  transaction: Transaction,
  projectId: ProjectId,
): Promise<{ version: number; policy: RefundPolicy }> {
  const [row] = await transaction
    .select()
    .from(refundPolicies)
    .where(eq(refundPolicies.projectId, projectId))
    .orderBy(desc(refundPolicies.version))
    .limit(1)
  return row ? { version: row.version, policy: row.policy } : { version: 0, policy: defaultRefundPolicy }
}

/** Each setting is the next version. */
export async function setRefundPolicy(
  transaction: Transaction,
  { projectId, policy, setBy }: { projectId: ProjectId; policy: RefundPolicy; setBy: string },
): Promise<number> {
  await transaction.execute(sql`select pg_advisory_xact_lock(hashtext(${`refund-policy/${projectId}`}))`)
  const { version } = await currentRefundPolicy(transaction, projectId)
  await transaction.insert(refundPolicies).values({ projectId, version: version + 1, policy, setBy })
  return version + 1
}
