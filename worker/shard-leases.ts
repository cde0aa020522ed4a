import type postgres from 'postgres'

/** Which shards this process may work on: a Postgres advisory lock for each, held by a session of its own, so that the death
 *  of a process frees its shards at once. Needs a direct connection: a pooler that shares sessions would share the locks. */
export interface ShardLeases {
  /** Joins, takes free shards up to a fair share, gives back what is above it, and answers what is held. A shard is given
   *  back only in here, so the caller must not have work on it under way.
   *  @throws when the database is away: whatever was held may be another's by then. */
  renew(): Promise<number[]>
  /** Gives everything back, for good. */
  release(): Promise<void>
}

/** First keys of the advisory locks: one that every member holds together, and one for each shard. */
const MEMBERS_LOCK = 7_164_010
const SHARD_LOCK = 7_164_011

interface HeldLock {
  lock: number
  shard: number
  mine: boolean
}

export function createShardLeases(session: postgres.Sql, shardCount: number): ShardLeases {
  async function renew(): Promise<number[]> {
    // Read from the server each time: a connection that broke and came back holds nothing, without having told us.
    const locks = await session<HeldLock[]>`
      select classid::int as lock, objid::int as shard, pid = pg_backend_pid() as mine
      from pg_locks
      where locktype = 'advisory' and classid in (${MEMBERS_LOCK}, ${SHARD_LOCK}) and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())`
    const members = locks.filter(({ lock }) => lock === MEMBERS_LOCK)
    const isMember = members.some(({ mine }) => mine)
    if (!isMember) await session`select pg_advisory_lock_shared(${MEMBERS_LOCK}::int, 0)`
    const share = Math.ceil(shardCount / (members.length + (isMember ? 0 : 1)))

    const taken = locks.filter(({ lock }) => lock === SHARD_LOCK)
    const held = taken.filter(({ mine }) => mine).map(({ shard }) => shard)
    if (held.length > share) return giveBack(held, held.length - share)
    const free = Array.from({ length: shardCount }, (_, shard) => shard).filter(
      (shard) => !taken.some((lock) => lock.shard === shard),
    )
    return [...held, ...(await tryToTake(free, share - held.length))]
  }

  async function giveBack(held: number[], count: number): Promise<number[]> {
    await session`
      select pg_advisory_unlock(${SHARD_LOCK}::int, shard)
      from unnest(string_to_array(${held.slice(0, count).join(',')}, ',')::int[]) as shard`
    return held.slice(count)
  }

  async function tryToTake(free: number[], count: number): Promise<number[]> {
    if (free.length === 0 || count === 0) return []
    // Starting anywhere, so that several that start together do not all try the same.
    const start = Math.floor(Math.random() * free.length)
    const wanted = [...free.slice(start), ...free.slice(0, start)].slice(0, count)
    const tried = await session<{ shard: number; taken: boolean }[]>`
      select shard, pg_try_advisory_lock(${SHARD_LOCK}::int, shard) as taken
      from unnest(string_to_array(${wanted.join(',')}, ',')::int[]) as shard`
    return tried.filter(({ taken }) => taken).map(({ shard }) => shard)
  }

  return {
    renew,
    async release() {
      await session.end({ timeout: 1 })
    },
  }
}
