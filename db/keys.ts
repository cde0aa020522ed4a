import { and, asc, eq, gt, isNull, or, sql } from 'drizzle-orm'
import type { KeyId, ProjectId } from '../domain/ids.ts'
import type { Database, Transaction } from './client.ts'
import { apiKeys } from './schema/index.ts'

/** Keys of projects. A key itself is never stored, only its hash. */

export type KeyRow = typeof apiKeys.$inferSelect

/** Whose key has this hash, if it may be used now. Asked before a tenant is known. */
export async function findUsableKey(
  system: Database,
  keyHash: Buffer,
): Promise<Pick<KeyRow, 'projectId' | 'keyId' | 'livemode'> | undefined> {
  const [row] = await system
    .select({ projectId: apiKeys.projectId, keyId: apiKeys.keyId, livemode: apiKeys.livemode })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.keyHash, keyHash),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)),
      ),
    )
  return row
}

/** Stores a key. The same key stored again, by a request that is repeated, stays the one it is.
 *  @returns whether this call stored it. */
export async function insertKey(
  transaction: Transaction,
  key: Pick<KeyRow, 'projectId' | 'keyId' | 'keyHash' | 'livemode'> & { expiresAt?: Date },
): Promise<boolean> {
  const inserted = await transaction
    .insert(apiKeys)
    .values(key)
    .onConflictDoNothing()
    .returning({ keyId: apiKeys.keyId })
  return inserted.length > 0
}

/** All keys of a project, oldest first, the revoked ones too. */
export async function listKeys(transaction: Transaction, projectId: ProjectId): Promise<KeyRow[]> {
  return transaction
    .select()
    .from(apiKeys)
    .where(eq(apiKeys.projectId, projectId))
    .orderBy(asc(apiKeys.createdAt), asc(apiKeys.keyId))
}

/** Ends a key at once.
 *  @returns `undefined` when the project has no such key, else whether this call is what ended it. */
export async function revokeKey(
  transaction: Transaction,
  projectId: ProjectId,
  keyId: KeyId,
): Promise<boolean | undefined> {
  const isKey = and(eq(apiKeys.projectId, projectId), eq(apiKeys.keyId, keyId))
  const [revoked] = await transaction
    .update(apiKeys)
    .set({ revokedAt: sql`now()` })
    .where(and(isKey, isNull(apiKeys.revokedAt)))
    .returning({ keyId: apiKeys.keyId })
  if (revoked) return true
  const [existing] = await transaction.select({ keyId: apiKeys.keyId }).from(apiKeys).where(isKey)
  return existing ? false : undefined
}
