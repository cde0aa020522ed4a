import { randomUUID } from 'node:crypto'
import { inProject } from '../../db/client.ts'
import { appendEvents } from '../../db/outbox.ts'
import { messageKey, topics } from '../../domain/events.ts'
import { createEventPublisher, createKafka } from '../../providers/kafka.ts'
import { eventOfPayment, sampleEnvelope } from '../events.ts'
import { load, percentilesOf } from '../load.ts'
import { percentileFigures, type Row } from '../row.ts'

const COUNT = 200
const figure = 'commit to consumer'

/** From the moment the commit is sent until a consumer has the event, one at a time. */
export const commitToConsumer: Row = {
  id: 'B7',
  name: 'Commit to Kafka consumer, one at a time',
  bareProgram: 'direct produce (acks=all) to consume',
  figures: percentileFigures(figure, {
    p50: { ratioAtMost: 3 },
    p99: { oursAtMost: 100, ratioAtMost: 3 },
  }),

  async prepare({ ours, brokers }) {
    const { projectId } = ours.project
    const config = { brokers: [brokers], sasl: undefined }
    const publisher = createEventPublisher(config)
    const consumer = createKafka(config).consumer({ groupId: `bench-${randomUUID()}`, sessionTimeout: 6_000 })
    const awaited = new Map<string, () => void>()
    await consumer.connect()
    await consumer.subscribe({ topics: [topics.payments], fromBeginning: true })
    const joined = new Promise<void>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, () => resolve())
    })
    await consumer.run({
      eachMessage: async ({ message }) => awaited.get(String(message.key))?.(),
    })
    await joined
    const consumed = (key: string) =>
      new Promise<number>((resolve, reject) => {
        const tooLate = setTimeout(() => reject(new Error(`no consumer has ${key} after 30 s`)), 30_000)
        awaited.set(key, () => {
          clearTimeout(tooLate)
          awaited.delete(key)
          resolve(performance.now())
        })
      })

    /** @param tell commits or produces the event of a key, and answers when it began to */
    async function round(tell: (userId: string, key: string) => Promise<number>) {
      const measured = await load({ count: COUNT, atOnce: 1, pause_ms: 20 }, async () => {
        const userId = `consumer-${randomUUID()}`
        const key = messageKey(projectId, userId)
        const arrival = consumed(key)
        const startedAt = await tell(userId, key)
        return (await arrival) - startedAt
      })
      return percentilesOf(measured, figure)
    }
    return {
      ours: () =>
        round(async (userId) => {
          let committingAt = 0
          await inProject(ours.connections.application, projectId, async (transaction) => {
            const intent = `bench/${userId}`
            const context = { projectId, userId, correlationId: intent, intent, occurredAt: new Date() }
            await appendEvents(transaction, context, [eventOfPayment(userId)])
            committingAt = performance.now()
          })
          return committingAt
        }),
      bare: () =>
        round(async (userId, key) => {
          const startedAt = performance.now()
          const headers = { 'content-type': 'application/cloudevents+json' }
          await publisher.publish([{ topic: topics.payments, key, value: sampleEnvelope(userId), headers }])
          return startedAt
        }),
      async end() {
        await consumer.disconnect()
        await publisher.close()
      },
    }
  },
}
