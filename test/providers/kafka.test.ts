import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EventMessage, type EventPublisher, MessagesRefused } from '../../domain/publisher.ts'
import { createEventPublisher, ensureTopics, createKafka } from '../../providers/kafka.ts'
import { type KafkaReader, readKafka } from '../support/kafka-reader.ts'
import { part } from '../support/stack.ts'
import { until } from '../worker/fixtures.ts'

const first = `test.first.${randomUUID()}`
const second = `test.second.${randomUUID()}`
let publisher: EventPublisher
let reader: KafkaReader

beforeAll(async () => {
  const config = { brokers: [part('kafka').brokers], sasl: undefined }
  await ensureTopics(createKafka(config), [
    { name: first, partitions: 6 },
    { name: second, partitions: 6 },
  ])
  publisher = createEventPublisher(config)
  reader = await readKafka(part('kafka').brokers, [first, second])
}, 60_000)

afterAll(async () => {
  await reader.stop()
  await publisher.close()
})

const message = (topic: string, key: string, value: string): EventMessage => ({
  topic,
  key,
  value,
  headers: { 'content-type': 'application/cloudevents+json' },
})

describe('the Kafka publisher', () => {
  it('writes messages with key and headers, those of a key in order and in one partition', async () => {
    const keys = ['prj_1/ana', 'prj_1/bob', 'prj_2/ana']
    const sent = Array.from({ length: 60 }, (_, index) =>
      message(index % 2 ? first : second, keys[index % 3] ?? '', String(index)),
    )
    await publisher.publish(sent.slice(0, 30))
    await publisher.publish(sent.slice(30))
    await until('all was read', () => reader.messages.length >= 60)
    for (const topic of [first, second])
      for (const key of keys) {
        const isIt = (candidate: EventMessage) => candidate.topic === topic && candidate.key === key
        const read = reader.messages.filter(isIt)
        expect(read.map(({ value }) => value)).toEqual(sent.filter(isIt).map(({ value }) => value))
        expect(new Set(read.map(({ partition }) => partition)).size).toBe(1)
      }
    expect(reader.messages[0]?.headers).toEqual({ 'content-type': 'application/cloudevents+json' })
  })

  it("puts a key where Java's client would", async () => {
    await publisher.publish([message(first, 'quittance', 'partition')])
    await until('it was read', () => reader.messages.some(({ value }) => value === 'partition'))
    // murmur2('quittance') of org.apache.kafka.common.utils.Utils, made positive, modulo 6.
    expect(reader.messages.find(({ value }) => value === 'partition')?.partition).toBe(
      murmur2('quittance') % 6,
    )
  })

  it('tells a message that will never be taken from trouble that passes', async () => {
    const tooLarge = message(first, 'k', 'x'.repeat(2_000_000))
    await expect(publisher.publish([tooLarge])).rejects.toThrow(MessagesRefused)

    const nobody = createEventPublisher({ brokers: ['127.0.0.1:1'], sasl: undefined })
    const failure = await nobody.publish([message(first, 'k', 'v')]).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(failure).not.toBeInstanceOf(MessagesRefused)
    await nobody.close()

    const missingTopic = message(`test.missing.${randomUUID()}`, 'k', 'v')
    const missing = await publisher.publish([missingTopic]).catch((error: unknown) => error)
    expect(missing).toBeInstanceOf(Error)
    expect(missing).not.toBeInstanceOf(MessagesRefused)

    await publisher.publish([message(first, 'k', 'after the trouble')])
    await until('it goes on', () => reader.messages.some(({ value }) => value === 'after the trouble'))
  })
})

/** Kafka's murmur2, written from its description, as a second opinion: https://github.com/aappleby/smhasher (MurmurHash2),
 *  with Kafka's seed 0x9747b28c; the sign bit is cleared as Kafka's partitioner does. */
function murmur2(text: string): number {
  const data = Buffer.from(text)
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ data.length
  let offset = 0
  for (; offset + 4 <= data.length; offset += 4) {
    let k = Math.imul(data.readInt32LE(offset), m)
    k = Math.imul(k ^ (k >>> 24), m)
    h = Math.imul(h, m) ^ k
  }
  const rest = data.length - offset
  if (rest > 0) {
    for (let index = rest - 1; index >= 0; index -= 1) h ^= data.readUInt8(offset + index) << (8 * index)
    h = Math.imul(h, m)
  }
  h = Math.imul(h ^ (h >>> 13), m)
  return (h ^ (h >>> 15)) & 0x7fffffff
}
