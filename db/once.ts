import { and, eq } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { facts } from './schema/index.ts'

/** Writes a fact the first time its intent is seen, and nothing after that. A second transaction with the same intent
 *  waits for the first to end, so two at once write one fact.
 *  @returns whether this call wrote it. */
export async function once(
  transaction: Transaction,
  fact: { projectId: ProjectId; intent: string },
  write: () => Promise<void>,
): Promise<boolean> {
  const [recorded] = await transaction
    .insert(facts)
    .values(fact)
    .onConflictDoNothing()
    .returning({ intent: facts.intent })
  if (!recorded) return false
  await write()
  return true
}

/** Whether a fact has been written. */
export async function hasHappened(
  transaction: Transaction,
  { projectId, intent }: { projectId: ProjectId; intent: string },
): Promise<boolean> {
  const [found] = await transaction
    .select({ intent: facts.intent })
    .from(facts)
    .where(and(eq(facts.projectId, projectId), eq(facts.intent, intent)))
  return found !== undefined
}
