import { sql } from 'drizzle-orm'
import { pino } from 'pino'
import postgres from 'postgres'
import { type Database, inProject } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { appendEvents } from '../../db/outbox.ts'
import { outbox } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { type EventMessage, type EventPublisher, MessagesRefused } from '../../domain/publisher.ts'
import type { Seeded } from '../support/seed.ts'

export const silent = pino({ level: 'silent' })

/** Commits events of one user as a recording transaction does. */
export async function commitEvents(
  application: Database,
  projectId: ProjectId,
  userId: string,
  { count = 1, note = '' }: { count?: number; note?: string } = {},
): Promise<void> {
  await inProject(application, projectId, async (transaction) => {
    const context = {
      projectId,
      userId,
      correlationId: 'cor-1',
      intent: mintId('ev'),
      occurredAt: new Date('2026-03-10T12:00:00Z'),
    }
    const paymentId = mintId('pay')
    await appendEvents(
      transaction,
      context,
      Array.from({ length: count }, () => ({
        type: 'payment.created' as const,
        subject: userId,
        data: {
          payment_id: paymentId,
          payment_type: 'one_time' as const,
          status: 'pending' as const,
          user_id: userId,
          amount: 100,
          currency: 'brl',
          quantity: 1,
          metadata: { note },
        },
      })),
    )
  })
}

/** What a reader of Kafka sees of a message. */
export function readEnvelope({ value }: Pick<EventMessage, 'value'>): { id: string; sequence: number } {
  return JSON.parse(value) as { id: string; sequence: number }
}

export interface RecordingPublisher extends EventPublisher {
  published: EventMessage[]
  /** Fails every call while set. */
  failure: Error | undefined
  batches: number
}

/** Stands in for Kafka where a test must decide when it fails. */
export function createRecordingPublisher(
  options: { refuses?: (message: EventMessage) => boolean; delay_ms?: number } = {},
): RecordingPublisher {
  const { refuses = () => false, delay_ms = 0 } = options
  const publisher: RecordingPublisher = {
    published: [],
    failure: undefined,
    batches: 0,
    async publish(messages) {
      if (delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, delay_ms))
      if (publisher.failure) throw publisher.failure
      if (messages.some(refuses)) throw new MessagesRefused('MESSAGE_TOO_LARGE')
      publisher.published.push(...messages)
      publisher.batches += 1
    },
    close: async () => {},
  }
  return publisher
}

export async function unpublishedCount(system: Database): Promise<number> {
  const rows = await system.select().from(outbox)
  return rows.filter(({ publishedAt }) => publishedAt === null).length
}

/** Waits until something holds, and fails naming it when it does not in time. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limit_ms = 10_000,
): Promise<void> {
  const deadline = Date.now() + limit_ms
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${limit_ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Ends every connection to a test's database a few times over, as a failover does, and waits until the pools work again. */
export async function dropConnections({ database, connections }: Seeded): Promise<void> {
  const { pathname } = new URL(database.systemUrl)
  const administrator = postgres(database.superuserUrl.replace(pathname, '/postgres'), { max: 1 })
  for (let time = 0; time < 3; time += 1) {
    await administrator`
      select pg_terminate_backend(pid) from pg_stat_activity where datname = ${pathname.slice(1)}`
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  await administrator.end()
  for (const pool of [connections.application, connections.system])
    await until('the pool works again', async () => {
      try {
        // As many as the pool has connections, so that each of them was tried.
        await Promise.all(Array.from({ length: 5 }, () => pool.execute(sql`select pg_sleep(0.02)`)))
        return true
      } catch {
        return false
      }
    })
}

/** The sequences of each key in the order in which they were published, repeats left out as readers do. */
export function sequencesByKey(messages: EventMessage[]): Map<string, number[]> {
  const seen = new Set<string>()
  const byKey = new Map<string, number[]>()
  for (const message of messages) {
    const { id, sequence } = readEnvelope(message)
    if (seen.has(id)) continue
    seen.add(id)
    byKey.set(message.key, [...(byKey.get(message.key) ?? []), sequence])
  }
  return byKey
}

export const oneTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)
