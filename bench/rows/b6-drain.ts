import { mintId } from '../../db/mint-id.ts'
import { OUTBOX_CHANNEL, shardOf } from '../../db/outbox.ts'
import { messageKey, topics } from '../../domain/events.ts'
import { createEventPublisher } from '../../providers/kafka.ts'
import { eventually } from '../../test/support/eventually.ts'
import { sampleEnvelope } from '../events.ts'
import type { Row } from '../row.ts'

const COUNT = 100_000
const KEYS = 500
/** As many as the relay reads at once. */
const BATCH = 1_000
const INSERTED_AT_ONCE = 20_000

const drained = 'events'

/** From the commit that makes a backlog visible until every row of it is marked as published. */
export const drain: Row = {
  id: 'B6',
  name: `Drain ${COUNT.toLocaleString('en')} outbox rows, acks=all`,
  bareProgram: 'the same Kafka client from memory, in batches of the same size',
  whyMore:
    'Rows are read by shard, sent, and marked before the next are read; the bare program reads and marks nothing. Next: read the next batch while this one is on its way.',
  figures: [{ name: drained, unit: 'per second', aim: { ratioAtLeast: 0.5 } }],

  async prepare({ ours, brokers }) {
    const { sql, project } = ours
    const publisher = createEventPublisher({ brokers: [brokers], sasl: undefined })
    const messages = () =>
      Array.from({ length: COUNT }, (_, index) => ({
        topic: topics.payments,
        key: messageKey(project.projectId, `drained-${index % KEYS}`),
        value: sampleEnvelope(`drained-${index % KEYS}`),
        headers: { 'content-type': 'application/cloudevents+json' },
      }))

    async function commitBacklog(): Promise<void> {
      const made = messages()
      await sql.begin(async (transaction) => {
        for (let from = 0; from < COUNT; from += INSERTED_AT_ONCE) {
          const rows = made.slice(from, from + INSERTED_AT_ONCE)
          const keys = rows.map(({ key }) => key)
          const envelopes = rows.map(({ value }) => value)
          const ids = rows.map(() => mintId('ev'))
          const positions = rows.map((_, index) => Math.floor((from + index) / KEYS) + 1)
          await transaction`
            insert into outbox (project_id, event_id, topic, message_key, shard, position, envelope)
            select ${project.projectId}, event_id, ${topics.payments}, message_key, shard, position, envelope
            from unnest(${ids}::text[], ${keys}::text[], ${keys.map(shardOf)}::int[], ${positions}::bigint[],
              ${envelopes}::text[]) as rows (event_id, message_key, shard, position, envelope)`
        }
        await transaction`select pg_notify(${OUTBOX_CHANNEL}, '')`
      })
    }
    const perSecondSince = (startedAt: number) => ({
      [drained]: (COUNT / (performance.now() - startedAt)) * 1000,
    })
    return {
      async ours() {
        await commitBacklog()
        const startedAt = performance.now()
        await eventually(
          'the outbox is drained',
          async () => {
            const [waiting] = await sql`select 1 from outbox where published_at is null limit 1`
            return waiting === undefined
          },
          { within_ms: 120_000, every_ms: 20 },
        )
        return perSecondSince(startedAt)
      },
      async bare() {
        const made = messages()
        const startedAt = performance.now()
        for (let sent = 0; sent < COUNT; sent += BATCH)
          await publisher.publish(made.slice(sent, sent + BATCH))
        return perSecondSince(startedAt)
      },
      end: () => publisher.close(),
    }
  },
}
