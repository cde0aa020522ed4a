import { and, between, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import type { Database } from './client.ts'
import { OUTBOX_CHANNEL } from './outbox.ts'
import { outbox, outboxStreams } from './schema/index.ts'

/** The relay's side of the outbox. */

export interface UnpublishedRow {
  id: number
  recordedAt: Date
  eventId: string
  topic: string
  messageKey: string
  envelope: string
}

/** The oldest unpublished rows of these shards, without those of parked keys, in the order of their ids, as many as fit into
 *  the bytes and one at least. Within a key the order of ids is the order in which rows were committed: the stream's lock is
 *  taken before the id is drawn and held to the commit.
 *
 *  Rows are chosen by what is unpublished, never by an id above the last: ids of different keys become visible out of order. */
export async function findUnpublished(
  system: Database,
  { shards, rowsPerShard, bytes }: { shards: number[]; rowsPerShard: number; bytes: number },
): Promise<UnpublishedRow[]> {
  if (shards.length === 0) return []
  const rows = await system.execute<Record<string, string>>(sql`
    select id, recorded_at, event_id, topic, message_key, envelope from (
      select *, sum(octet_length(envelope) + octet_length(message_key)) over (order by id) as bytes_so_far,
        row_number() over (order by id) as place
      from unnest(${integers(shards)}) as held (shard), lateral (
        select id, recorded_at, event_id, topic, message_key, envelope from ${outbox}
        where outbox.shard = held.shard and published_at is null and not exists (
          select from ${outboxStreams} where outbox_streams.message_key = outbox.message_key and parked_at is not null)
        order by id limit ${rowsPerShard}
      ) as oldest
    ) as counted
    where place = 1 or bytes_so_far <= ${bytes} order by id`)
  return rows.map((row) => ({
    id: Number(row.id),
    recordedAt: new Date(row.recorded_at ?? ''),
    eventId: row.event_id ?? '',
    topic: row.topic ?? '',
    messageKey: row.message_key ?? '',
    envelope: row.envelope ?? '',
  }))
}

export async function markPublished(
  system: Database,
  rows: Pick<UnpublishedRow, 'id' | 'recordedAt'>[],
): Promise<void> {
  const times = rows.map(({ recordedAt }) => recordedAt.getTime())
  await system
    .update(outbox)
    .set({ publishedAt: sql`now()` })
    .where(
      and(
        sql`${outbox.id} = any(${integers(rows.map(({ id }) => id))})`,
        // Names the partitions, so that the others are not searched.
        between(outbox.recordedAt, new Date(Math.min(...times)), new Date(Math.max(...times))),
        isNull(outbox.publishedAt),
      ),
    )
}

/** Holds a key back behind a row that cannot be published, until an operator lets it go on. */
export async function parkStream(system: Database, messageKey: string, reason: string): Promise<void> {
  await system
    .update(outboxStreams)
    .set({ parkedAt: sql`now()`, parkedReason: reason })
    .where(and(eq(outboxStreams.messageKey, messageKey), isNull(outboxStreams.parkedAt)))
}

/** Lets a parked key go on, once what held it back has been mended (a larger limit at the broker, say). The row that was
 *  refused is tried first, so order is kept; refused again, it parks the key again.
 *  @returns whether it was parked. */
export async function unparkStream(system: Database, messageKey: string): Promise<boolean> {
  const released = await system
    .update(outboxStreams)
    .set({ parkedAt: null, parkedReason: null })
    .where(and(eq(outboxStreams.messageKey, messageKey), isNotNull(outboxStreams.parkedAt)))
    .returning({ messageKey: outboxStreams.messageKey })
  await system.execute(sql`select pg_notify(${OUTBOX_CHANNEL}, '')`)
  return released.length > 0
}

export async function listParkedStreams(
  system: Database,
): Promise<{ projectId: string; messageKey: string; parkedAt: Date | null; parkedReason: string | null }[]> {
  return system
    .select({
      projectId: outboxStreams.projectId,
      messageKey: outboxStreams.messageKey,
      parkedAt: outboxStreams.parkedAt,
      parkedReason: outboxStreams.parkedReason,
    })
    .from(outboxStreams)
    .where(isNotNull(outboxStreams.parkedAt))
}

export interface OutboxBacklog {
  /** Counted up to a bound that keeps the question cheap. */
  unpublished: number
  oldestAge_s: number
  parkedKeys: number
}

export async function measureBacklog(system: Database, bound = 10_000): Promise<OutboxBacklog> {
  const [row] = await system.execute<{ unpublished: number; oldest_age_s: number; parked_keys: number }>(sql`
    select count(*)::int as unpublished,
      coalesce(extract(epoch from now() - min(recorded_at)), 0)::float8 as oldest_age_s,
      (select count(*)::int from ${outboxStreams} where parked_at is not null) as parked_keys
    from (select recorded_at from ${outbox} where published_at is null limit ${bound}) as waiting`)
  return {
    unpublished: row?.unpublished ?? 0,
    oldestAge_s: row?.oldest_age_s ?? 0,
    parkedKeys: row?.parked_keys ?? 0,
  }
}

/** One parameter however many numbers, where Drizzle would write one for each. */
const integers = (numbers: number[]) => sql`string_to_array(${numbers.join(',')}, ',')::bigint[]`
