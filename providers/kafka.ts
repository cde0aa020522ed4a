/** Kafka. The only product file that imports `kafkajs`, so that the client can be changed in one place. */

import kafkajs, { type SASLOptions } from 'kafkajs'
import type { KafkaConfig } from '../config.ts'

const { Kafka, logLevel } = kafkajs

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
export function createKafka(config: KafkaConfig, log?: KafkaLog): KafkaClient {
  return new Kafka({
    clientId: 'quittance',
    brokers: config.brokers,
    // A password is never sent over an open line.
    ...(config.sasl && { ssl: true, sasl: config.sasl as SASLOptions }),
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 100 },
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
