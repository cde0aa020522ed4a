import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Database } from './client.ts'
import { idempotencyKeys } from './schema/index.ts'

/** Answers kept for callers who repeat a request. The rows hold hashes and sealed answers, nothing that can be read. */

/** Longer than any request may take; an attempt whose process died is taken over after it. */
export const LOCK_SECONDS = 30

export interface IdempotencyKey {
  /** The project and mode, or the operator, that used the key. */
  scope: string
  keyHash: Buffer
}

export type Claim =
  /** This caller does the work. `seed` is the one of the first attempt, whose ids are derived from it. */
  | { state: 'claimed'; seed: Buffer; lockedUntil: Date }
  | { state: 'answered'; status: number; sealedAnswer: Buffer }
  | { state: 'in_progress' }
  | { state: 'reused' }

/** Claims a key for a request, or tells why it cannot be: one statement for a new key, two for one that is known. */
export async function claimIdempotencyKey(
  system: Database,
  request: IdempotencyKey & { requestHash: Buffer; newSeed: Buffer },
): Promise<Claim> {
  const { scope, keyHash, requestHash, newSeed } = request
  const lockedUntil = sql`now() + make_interval(secs => ${LOCK_SECONDS})`
  const [claimed] = await system
    .insert(idempotencyKeys)
    .values({ scope, keyHash, requestHash, seed: newSeed, lockedUntil })
    .onConflictDoUpdate({
      target: [idempotencyKeys.scope, idempotencyKeys.keyHash],
      set: { lockedUntil },
      setWhere: sql`${idempotencyKeys.requestHash} = ${requestHash} and ${idempotencyKeys.status} is null
        and (${idempotencyKeys.lockedUntil} is null or ${idempotencyKeys.lockedUntil} < now())`,
    })
    .returning({ seed: idempotencyKeys.seed, lockedUntil: idempotencyKeys.lockedUntil })
  if (claimed?.lockedUntil) return { state: 'claimed', seed: claimed.seed, lockedUntil: claimed.lockedUntil }

  const [known] = await system.select().from(idempotencyKeys).where(isKey(request))
  // Gone within this moment: whoever held it has expired, and a repetition starts anew.
  if (!known) return { state: 'in_progress' }
  if (!known.requestHash.equals(requestHash)) return { state: 'reused' }
  if (known.status === null || known.sealedAnswer === null) return { state: 'in_progress' }
  return { state: 'answered', status: known.status, sealedAnswer: known.sealedAnswer }
}

/** Takes up an answered key again whose answer cannot be opened any more, because the caller's key has changed since. */
export async function reopenIdempotencyKey(system: Database, key: IdempotencyKey): Promise<Claim> {
  const [reopened] = await system
    .update(idempotencyKeys)
    .set({
      status: null,
      sealedAnswer: null,
      lockedUntil: sql`now() + make_interval(secs => ${LOCK_SECONDS})`,
    })
    .where(and(isKey(key), sql`${idempotencyKeys.status} is not null`))
    .returning({ seed: idempotencyKeys.seed, lockedUntil: idempotencyKeys.lockedUntil })
  if (!reopened?.lockedUntil) return { state: 'in_progress' }
  return { state: 'claimed', seed: reopened.seed, lockedUntil: reopened.lockedUntil }
}

/** Keeps the answer, unless another attempt that took over has kept its own. */
export async function keepAnswer(
  system: Database,
  answer: IdempotencyKey & { status: number; sealedAnswer: Buffer },
): Promise<void> {
  await system
    .update(idempotencyKeys)
    .set({ status: answer.status, sealedAnswer: answer.sealedAnswer, lockedUntil: null })
    .where(and(isKey(answer), isNull(idempotencyKeys.status)))
}

/** Gives the key back without an answer: the next attempt goes on at once, with the same seed. An attempt that took over
 *  in the meantime keeps its lock. */
export async function releaseIdempotencyKey(
  system: Database,
  held: IdempotencyKey & { lockedUntil: Date },
): Promise<void> {
  await system
    .update(idempotencyKeys)
    .set({ lockedUntil: null })
    .where(
      and(isKey(held), isNull(idempotencyKeys.status), eq(idempotencyKeys.lockedUntil, held.lockedUntil)),
    )
}

/** Deletes keys older than the age that callers are promised, a bounded number at a time.
 *  @returns how many; as many as `limit` means that there may be more. */
export async function deleteExpiredIdempotencyKeys(
  system: Database,
  { olderThanHours = 25, limit = 1000 }: { olderThanHours?: number; limit?: number } = {},
): Promise<number> {
  const deleted = await system.execute(sql`
    delete from ${idempotencyKeys} where (scope, key_hash) in (
      select scope, key_hash from ${idempotencyKeys}
      where created_at < now() - make_interval(hours => ${olderThanHours})
        and (locked_until is null or locked_until < now())
      order by created_at limit ${limit} for update skip locked)
    returning 1`)
  return deleted.length
}

const isKey = ({ scope, keyHash }: IdempotencyKey) =>
  and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.keyHash, keyHash))
