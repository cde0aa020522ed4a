import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { DemoFailure } from './failure.ts'

/** A CloudEvent, as far as the demo shows it. */
export interface ShownEvent {
  id: string
  /** Without `com.quittance.`. */
  type: string
  /** The clock of what it is about: on a test clock it runs ahead. */
  time: string
  data: Record<string, unknown> & { user_id?: string }
}

/** The events of one project, as they come from Kafka. */
export interface Events {
  /** Waits until a user's events of a type have come, this many since the beginning.
   *  @throws DemoFailure when they stay away. */
  until: (userId: string, type: string, count?: number) => Promise<void>
  stop: () => Promise<void>
}

/** Where Kafka is left out, nothing comes and nothing is waited for. */
export const noEvents: Events = { until: async () => {}, stop: async () => {} }

const PATIENCE_MS = 30_000
const prefix = 'com.quittance.'

/** Listens from now on.
 *  @throws DemoFailure when Kafka cannot be reached. */
export async function listenToEvents(
  brokers: string,
  projectId: string,
  onEvent: (event: ShownEvent) => void,
): Promise<Events> {
  const kafka = new Kafka({
    clientId: 'quittance-demo',
    brokers: brokers.split(','),
    // What goes wrong is told in our words.
    logLevel: logLevel.NOTHING,
  })
  const seen = new Map<string, ShownEvent>()
  const consumer = kafka.consumer({
    groupId: `quittance-demo-${randomUUID()}`,
    sessionTimeout: 6_000,
    maxWaitTimeInMs: 500,
  })
  try {
    const ends = await endsOfTopics(kafka)
    await consumer.connect()
    await consumer.subscribe({ topics: [...new Set(ends.map(({ topic }) => topic))] })
    await consumer.run({
      // The group is of no use after us, and without positions the broker forgets it.
      autoCommit: false,
      eachMessage: async ({ message }) => {
        // The key is `{project}/{user}`; other projects go on meanwhile.
        if (!String(message.key).startsWith(`${projectId}/`)) return
        const event = JSON.parse(String(message.value)) as ShownEvent
        // An event may come twice, and whoever listens drops what was seen.
        if (seen.has(event.id)) return
        const shown = { ...event, type: event.type.replace(prefix, '') }
        seen.set(event.id, shown)
        onEvent(shown)
      },
    })
    // Joining the group takes a moment in which events may come: the place to read from is the one from before.
    for (const end of ends) consumer.seek(end)
  } catch (error) {
    throw new DemoFailure(`Kafka at ${brokers} cannot be listened to: ${(error as Error).message}.`)
  }
  const countOf = (userId: string, type: string) =>
    [...seen.values()].filter((event) => event.type === type && event.data.user_id === userId).length
  return {
    async until(userId, type, count = 1) {
      const deadline = Date.now() + PATIENCE_MS
      while (countOf(userId, type) < count) {
        if (Date.now() > deadline)
          throw new DemoFailure(
            `The event ${type} of ${userId} has not come over Kafka within ${PATIENCE_MS / 1_000} s. Does the worker run? Its log is .quittance/logs/worker.log.`,
          )
        await sleep(50)
      }
    },
    stop: () => consumer.disconnect(),
  }
}

async function endsOfTopics(kafka: Kafka): Promise<{ topic: string; partition: number; offset: string }[]> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((name) => name.startsWith('quittance.'))
    const ends = await Promise.all(
      topics.map(async (topic) =>
        (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({
          topic,
          partition,
          offset: high,
        })),
      ),
    )
    return ends.flat()
  } finally {
    await admin.disconnect()
  }
}
