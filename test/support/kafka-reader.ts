import { randomUUID } from 'node:crypto'
import type { EventMessage } from '../../domain/publisher.ts'
import { createKafka } from '../../providers/kafka.ts'

export interface ReadMessage extends EventMessage {
  partition: number
  /** Milliseconds since 1970, when the reader had it. */
  readAt: number
}

export interface KafkaReader {
  /** All that was read so far, per partition in order. */
  messages: ReadMessage[]
  stop(): Promise<void>
}

/** Reads topics from their beginning, as a consumer of its own. */
export async function readKafka(brokers: string, topics: string[]): Promise<KafkaReader> {
  const kafka = createKafka({ brokers: [brokers], sasl: undefined })
  const consumer = kafka.consumer({
    groupId: `test-${randomUUID()}`,
    sessionTimeout: 6_000,
    // It ends only when the fetch under way does, which waits so long for messages.
    maxWaitTimeInMs: 250,
  })
  const messages: ReadMessage[] = []
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      messages.push({
        topic,
        partition,
        key: String(message.key),
        value: String(message.value),
        headers: Object.fromEntries(
          Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
        ),
        readAt: Date.now(),
      })
    },
  })
  return {
    messages,
    stop: () => consumer.disconnect(),
  }
}
