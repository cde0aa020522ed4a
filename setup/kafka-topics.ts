import { topics, usersTopic } from '../domain/events.ts'
import { ensureTopics, type KafkaClient } from '../providers/kafka.ts'

/** Enough for as many consumers side by side. Chosen once: a topic that exists keeps the number it has. */
const defaultPartitions = 6

/** Creates the topics that are missing, those we write and the one we read, and answers their names. Safe to repeat. */
export function ensureEventTopics(kafka: KafkaClient, partitions = defaultPartitions): Promise<string[]> {
  return ensureTopics(
    kafka,
    [...Object.values(topics), usersTopic].map((name) => ({ name, partitions })),
  )
}
