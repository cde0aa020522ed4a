/** Kafka. The only product file that imports `kafkajs`, so that the client can be changed in one place. */

import kafkajs, { type RetryOptions, type SASLOptions } from 'kafkajs'
import type { KafkaConfig } from '../config.ts'
import { type EventMessage, type EventPublisher, MessagesRefused } from '../domain/publisher.ts'

const { Kafka, logLevel, Partitioners } = kafkajs

export type KafkaClient = InstanceType<typeof Kafka>

export interface KafkaLog {
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export interface TopicSettings {
  name: string
  partitions: number
  /** Of each topic, as the broker names them. */
  settings?: Record<string, string>
}

/** A client that connects when it is first used. Without a log it is silent: what fails is thrown. */
export function createKafka(
  config: KafkaConfig,
  log?: KafkaLog,
  retry: RetryOptions = { initialRetryTime: 100, maxRetryTime: 5_000, retries: 100 },
): KafkaClient {
  return new Kafka({
    clientId: 'quittance',
    brokers: config.brokers,
    // A password is never sent over an open line.
    ...(config.sasl && { ssl: true, sasl: config.sasl as SASLOptions }),
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry,
    logLevel: log ? logLevel.WARN : logLevel.NOTHING,
    logCreator:
      () =>
      ({ level, log: { message, timestamp: _timestamp, ...details } }) => {
        if (level === logLevel.ERROR) log?.error(details, message)
        else log?.warn(details, message)
      },
  })
}

/** Creates the topics that are missing and answers their names. One that exists is left as it is: more partitions would
 *  send a key to another partition and so break the order of its events. */
export async function ensureTopics(kafka: KafkaClient, topics: TopicSettings[]): Promise<string[]> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const missing = topics.filter(({ name }) => !existing.has(name))
    if (missing.length > 0)
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions, settings = {} }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: -1, // The broker's default, because only its operator knows how many brokers there are.
          configEntries: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
        })),
      })
    return missing.map(({ name }) => name)
  } finally {
    await admin.disconnect()
  }
}

/** Publishes in batches, acknowledged by all replicas in sync. Connects when it is first used, and again when it must. */
export function createEventPublisher(config: KafkaConfig, log?: KafkaLog): EventPublisher {
  // One attempt a call: the caller repeats the whole batch. The client's own retry asks only the brokers that have not
  // answered, so that a partition which moves meanwhile to one that has is taken for acknowledged and its messages are
  // lost (https://github.com/tulios/kafkajs/pull/1798, open).
  const producer = createKafka(config, log, { retries: 0 }).producer({
    allowAutoTopicCreation: false,
    // The same partition for a key as Java's client chooses.
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  let connecting: Promise<void> | undefined

  return {
    async publish(messages) {
      try {
        await (connecting ??= producer.connect())
      } catch (error) {
        connecting = undefined
        throw error
      }
      try {
        await producer.sendBatch({ topicMessages: byTopic(messages), acks: -1, timeout: 10_000 })
      } catch (error) {
        const refusal = refusalIn(error)
        throw refusal ? new MessagesRefused(refusal, { cause: error }) : error
      }
    },
    async close() {
      await producer.disconnect()
    },
  }
}

function byTopic(messages: EventMessage[]) {
  const topics = new Map<string, Omit<EventMessage, 'topic'>[]>()
  for (const { topic, ...message } of messages) {
    const ofTopic = topics.get(topic)
    if (ofTopic) ofTopic.push(message)
    else topics.set(topic, [message])
  }
  return [...topics].map(([topic, ofTopic]) => ({ topic, messages: ofTopic }))
}

/** Kafka's errors that judge the messages themselves: https://kafka.apache.org/protocol#protocol_error_codes
 *  A topic that is missing or forbidden is not among them: that is set right on Kafka's side. */
const refusals = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'])

function refusalIn(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string' && refusals.has(cause.type)) return cause.type
  }
  return undefined
}
