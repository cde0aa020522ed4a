import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import type { OperatorId } from '../domain/ids.ts'
import type { Database } from './client.ts'
import { type OperatorRole, operators } from './schema/index.ts'

/** Persons who run the installation. They belong to no project, so only the system role sees them. */

export type OperatorRow = typeof operators.$inferSelect

export async function findUsableOperator(
  system: Database,
  keyHash: Buffer,
): Promise<{ operatorId: OperatorId; role: OperatorRole } | undefined> {
  const [row] = await system
    .select({ operatorId: operators.operatorId, role: operators.role })
    .from(operators)
    .where(and(eq(operators.keyHash, keyHash), isNull(operators.revokedAt)))
  return row
}

/** Adds an operator; one who was added before, by a request that is repeated, is answered as he is. */
export async function insertOperator(
  system: Database,
  operator: Pick<OperatorRow, 'operatorId' | 'name' | 'role' | 'keyHash' | 'createdBy'>,
): Promise<OperatorRow> {
  const [inserted] = await system.insert(operators).values(operator).onConflictDoNothing().returning()
  const row = inserted ?? (await findOperator(system, operator.operatorId))
  if (!row) throw new Error('an operator was neither added nor found')
  return row
}

export async function listOperators(system: Database): Promise<OperatorRow[]> {
  return system.select().from(operators).orderBy(asc(operators.createdAt), asc(operators.operatorId))
}

/** Ends an operator's key at once.
 *  @returns whether there is such an operator. */
export async function revokeOperator(system: Database, operatorId: OperatorId): Promise<boolean> {
  const revoked = await system
    .update(operators)
    .set({ revokedAt: sql`coalesce(${operators.revokedAt}, now())` })
    .where(eq(operators.operatorId, operatorId))
    .returning({ operatorId: operators.operatorId })
  return revoked.length > 0
}

async function findOperator(system: Database, operatorId: OperatorId): Promise<OperatorRow | undefined> {
  const [row] = await system.select().from(operators).where(eq(operators.operatorId, operatorId))
  return row
}
