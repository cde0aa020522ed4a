import type { Logger } from 'pino'
import type { Connections } from '../db/client.ts'
import { OUTBOX_CHANNEL, OUTBOX_SHARDS } from '../db/outbox.ts'
import {
  findUnpublished,
  markPublished,
  measureBacklog,
  parkStream,
  type UnpublishedRow,
} from '../db/outbox-publishing.ts'
import { type EventPublisher, MessagesRefused } from '../domain/publisher.ts'
import {
  eventsPublished,
  eventsUnpublished,
  oldestUnpublished,
  parkedKeys,
  publishingFailures,
  shardsHeld,
} from './metrics.ts'
import { describeTrouble } from './describe.ts'
import { listenTo } from './listen-to.ts'
import { createShardLeases } from './shard-leases.ts'
import { backOff, createWakeUp, waitForEnd } from './wake-up.ts'

/** The way out: reads the outbox, publishes in order per key, marks what was acknowledged. At least once, never lost.
 *
 *  Any number of processes may run a relay; each shard has one at a time. Should two believe for a moment that they hold the
 *  same shard (its session broke while a batch was on its way), events may be sent twice but never out of order: each reads
 *  what is unpublished from the oldest on, and sends no row of a key before the earlier ones are acknowledged. */
export interface Relay {
  /** Ends after the batch that is on its way, and gives the shards to others. */
  stop(): Promise<void>
  stats(): RelayStats
}

export interface RelayStats {
  shards: number[]
  published: number
  failuresInARow: number
}

export interface RelayOptions {
  connections: Pick<Connections, 'system' | 'systemClient' | 'openSystemSession'>
  publisher: EventPublisher
  logger: Logger
  /** How often it looks and renews its leases without having been woken. */
  interval_ms?: number
  batchRows?: number
  /** Of keys and envelopes together. Kafka's default limit for one partition's part of a batch is 1 MiB. */
  batchBytes?: number
}

/** How long `stop` waits for Kafka before it leaves the batch to whoever takes over. */
const STOP_LIMIT_MS = 5_000
const MEASURE_INTERVAL_MS = 10_000
/** While Kafka or Postgres is away, a line this often. */
const COMPLAINT_INTERVAL_MS = 60_000

export function startRelay(options: RelayOptions): Relay {
  const { connections, publisher, logger } = options
  const { interval_ms = 500, batchRows = 1_000, batchBytes = 800_000 } = options
  const { system } = connections
  const session = connections.openSystemSession()
  const leases = createShardLeases(session, OUTBOX_SHARDS)
  const wakeUp = createWakeUp()
  const stats: RelayStats = { shards: [], published: 0, failuresInARow: 0 }
  let stopping = false
  let renewedAt = 0
  let measuredAt = 0
  let complainedAt = 0

  const listening = listenTo(OUTBOX_CHANNEL, wakeUp.call, connections)
  listening.started.catch((error: unknown) =>
    logger.warn({ reason: describeTrouble(error) }, 'relay cannot listen yet'),
  )
  const loop = run()

  return {
    stats: () => ({ ...stats, shards: [...stats.shards] }),
    async stop() {
      stopping = true
      wakeUp.call()
      await waitForEnd(loop, STOP_LIMIT_MS)
      await leases.release()
      void listening.stop()
      hold([])
    },
  }

  async function run(): Promise<void> {
    while (!stopping) {
      try {
        await renewLeases()
        await measure()
        const more = await publishBatch()
        if (stats.failuresInARow > 0) logger.info({ failures: stats.failuresInARow }, 'relay publishes again')
        stats.failuresInARow = 0
        if (!more) await wakeUp.sleep(interval_ms)
      } catch (error) {
        stats.failuresInARow += 1
        complain(error)
        await pause(backOff(stats.failuresInARow, { first_ms: 100, longest_ms: 5_000 }))
      }
    }
  }

  async function renewLeases(): Promise<void> {
    if (Date.now() - renewedAt < interval_ms) return
    try {
      hold(await leases.renew())
      renewedAt = Date.now()
    } catch (error) {
      hold([])
      renewedAt = 0
      throw error
    }
  }

  function hold(shards: number[]): void {
    if (shards.length !== stats.shards.length) logger.info({ shards: shards.length }, 'relay holds shards')
    stats.shards = shards
    shardsHeld.set(shards.length)
  }

  /** @returns whether there may be more at once. */
  async function publishBatch(): Promise<boolean> {
    const rowsPerShard = Math.max(64, Math.floor(batchRows / Math.max(1, stats.shards.length)))
    const rows = await findUnpublished(system, { shards: stats.shards, rowsPerShard, bytes: batchBytes })
    if (rows.length > 0) await publish(rows)
    return rows.length > 0
  }

  /** Publishes and marks rows in their order. Rows that are refused are halved until the one at fault stands alone, which
   *  parks its key; the others go on.
   *  @returns the keys that were parked. */
  async function publish(rows: UnpublishedRow[]): Promise<Set<string>> {
    try {
      await publisher.publish(rows.map(toMessage))
    } catch (error) {
      if (!(error instanceof MessagesRefused)) {
        publishingFailures.inc()
        throw error
      }
      const [row, ...others] = rows
      if (!row) return new Set()
      if (others.length === 0) return park(row, error)
      const half = Math.ceil(rows.length / 2)
      const parkedFirst = await publish(rows.slice(0, half))
      const rest = rows.slice(half).filter(({ messageKey }) => !parkedFirst.has(messageKey))
      return new Set([...parkedFirst, ...(rest.length > 0 ? await publish(rest) : [])])
    }
    await markPublished(system, rows)
    stats.published += rows.length
    eventsPublished.inc(rows.length)
    return new Set()
  }

  async function park(row: UnpublishedRow, error: MessagesRefused): Promise<Set<string>> {
    const { eventId, topic, messageKey, envelope } = row
    const bytes = Buffer.byteLength(envelope)
    await parkStream(system, messageKey, `${error.message}: event ${eventId} of ${bytes} bytes`)
    logger.error(
      { eventId, topic, messageKey, bytes, reason: error.message },
      'Kafka refuses an event: its key is parked until an operator lets it go on',
    )
    return new Set([messageKey])
  }

  async function measure(): Promise<void> {
    if (Date.now() - measuredAt < MEASURE_INTERVAL_MS) return
    measuredAt = Date.now()
    const backlog = await measureBacklog(system)
    eventsUnpublished.set(backlog.unpublished)
    oldestUnpublished.set(backlog.oldestAge_s)
    parkedKeys.set(backlog.parkedKeys)
  }

  function complain(error: unknown): void {
    if (stats.failuresInARow > 1 && Date.now() - complainedAt < COMPLAINT_INTERVAL_MS) return
    complainedAt = Date.now()
    logger.warn(
      { reason: describeTrouble(error), failures: stats.failuresInARow },
      'relay cannot publish and tries on; events wait in the outbox',
    )
  }

  /** Unlike sleep, a commit does not end it: only time or the end of the process. */
  async function pause(wait_ms: number): Promise<void> {
    const until = Date.now() + wait_ms
    while (!stopping && Date.now() < until) await wakeUp.sleep(until - Date.now())
  }
}

const toMessage = ({ topic, messageKey, envelope }: UnpublishedRow) => ({
  topic,
  key: messageKey,
  value: envelope,
  headers: { 'content-type': 'application/cloudevents+json' },
})
