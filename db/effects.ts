import { and, eq, sql } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import { type Database, inProject } from './client.ts'
import { effects } from './schema/index.ts'

export interface EffectClaim {
  ordinal: number
  /** When this ordinal was first tried; `undefined` when it never was before now. */
  triedBefore: Date | undefined
}

export interface Effect {
  projectId: ProjectId
  /** What it is for, as a sentence: `pay_…/create-session`. */
  intent: string
}

/** Stores that an effect is about to be tried, before it is, and tells what is known of earlier tries. */
export function claimEffect(database: Database, effect: Effect): Promise<EffectClaim> {
  return inProject(database, effect.projectId, async (transaction) => {
    const [claimed] = await transaction
      .insert(effects)
      .values({ ...effect, ordinal: 1 })
      .onConflictDoNothing()
      .returning({ ordinal: effects.ordinal })
    if (claimed) return { ordinal: claimed.ordinal, triedBefore: undefined }
    const [earlier] = await transaction.select().from(effects).where(isEffect(effect))
    if (!earlier) throw new Error(`effect ${effect.intent} vanished`)
    return { ordinal: earlier.ordinal, triedBefore: earlier.triedAt }
  })
}

/** Whether an effect was ever about to be tried. */
export async function wasTried(database: Database, effect: Effect): Promise<boolean> {
  const found = await inProject(database, effect.projectId, (transaction) =>
    transaction.select({ ordinal: effects.ordinal }).from(effects).where(isEffect(effect)),
  )
  return found.length > 0
}

/** Moves on to the next ordinal, after a look-up has shown that this one had no effect. Of two that do so at once, one wins
 *  and both go on with the same new ordinal. */
export async function raiseOrdinal(
  database: Database,
  effect: Effect,
  failedOrdinal: number,
): Promise<number> {
  return inProject(database, effect.projectId, async (transaction) => {
    await transaction
      .update(effects)
      .set({ ordinal: failedOrdinal + 1, triedAt: sql`now()` })
      .where(and(isEffect(effect), eq(effects.ordinal, failedOrdinal)))
    const [current] = await transaction
      .select({ ordinal: effects.ordinal })
      .from(effects)
      .where(isEffect(effect))
    if (!current) throw new Error(`effect ${effect.intent} vanished`)
    return current.ordinal
  })
}

const isEffect = ({ projectId, intent }: Effect) =>
  and(eq(effects.projectId, projectId), eq(effects.intent, intent))
