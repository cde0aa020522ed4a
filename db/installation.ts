import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from './client.ts'
import { installation } from './schema/index.ts'
import { isDatabaseUnavailable } from './unavailable.ts'

const RETRY_MS = 1_000

/** Keeps test and live money out of each other's books: a database belongs to the mode of whoever used it first. Waits for a
 *  database that cannot be reached.
 *  @throws when the database belongs to the other mode, with what to set. */
export async function holdToMode(system: Database, livemode: boolean): Promise<void> {
  for (;;) {
    try {
      const kept = await settleMode(system, livemode)
      if (kept !== livemode) throw new Error(describeMismatch(livemode))
      return
    } catch (error) {
      if (!isDatabaseUnavailable(error)) throw error
      await sleep(RETRY_MS)
    }
  }
}

async function settleMode(system: Database, livemode: boolean): Promise<boolean | undefined> {
  await system.insert(installation).values({ livemode }).onConflictDoNothing()
  const [kept] = await system.select({ livemode: installation.livemode }).from(installation)
  return kept?.livemode
}

function describeMismatch(livemode: boolean): string {
  const [ours, theirs] = livemode ? ['live', 'test'] : ['test', 'live']
  return `STRIPE_SECRET_KEY is a ${ours} key, but the database of DATABASE_URL holds the books of ${theirs} mode, and money of both would be added up. Give ${ours} mode a database of its own (DATABASE_URL, DATABASE_SYSTEM_URL, DATABASE_OWNER_URL), or set STRIPE_SECRET_KEY to a ${theirs} key.`
}
