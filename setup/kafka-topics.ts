import type { KafkaConfig } from '../config.ts'
import { topics, usersTopic } from '../domain/events.ts'
import { createKafka, ensureTopics } from '../providers/kafka.ts'

/** Enough for as many consumers side by side. Chosen once: a topic that exists keeps the number it has. */
const defaultPartitions = 6

/** Creates the topics that are missing, those we write and the one we read, and answers their names. Safe to repeat. */
export function ensureEventTopics(config: KafkaConfig, partitions = defaultPartitions): Promise<string[]> {
  return ensureTopics(
    createKafka(config),
    [...Object.values(topics), usersTopic].map((name) => ({ name, partitions })),
  )
}
