import { sql } from 'drizzle-orm'
import type { Database } from './client.ts'

/** Two processes that keep house at once would both make the same partition. */
const HOUSEKEEPING_LOCK = 7_164_020

/** Makes the partitions of the coming months and drops those that are older than their retention.
 *  @returns the names of those dropped. */
export async function renewPartitions(
  system: Database,
  retentionDays: { inbox: number; outbox: number },
): Promise<string[]> {
  return system.transaction(async (transaction) => {
    // A partition is made and dropped under a lock that every writer waits behind, so do not queue for it for long.
    await transaction.execute(sql`select set_config('lock_timeout', '2s', true)`)
    await transaction.execute(sql`select pg_advisory_xact_lock(${HOUSEKEEPING_LOCK})`)
    await transaction.execute(sql`select ensure_partitions()`)
    const dropped = await transaction.execute<{ name: string }>(sql`
      select unnest(
        drop_expired_partitions('inbox', make_interval(days => ${retentionDays.inbox})) ||
        drop_expired_partitions('outbox', make_interval(days => ${retentionDays.outbox}))) as name`)
    return dropped.map(({ name }) => name)
  })
}
