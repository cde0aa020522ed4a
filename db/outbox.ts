import { sql } from 'drizzle-orm'
import {
  type CloudEvent,
  EVENT_SCHEMA_VERSION,
  type EventDraft,
  messageKey,
  type Topic,
  topicOf,
} from '../domain/events.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { deriveId } from './mint-id.ts'
import { outbox } from './schema/index.ts'

/** Keys are spread over this many relay loops. Fixed: a key must keep its shard while rows of it wait. */
export const OUTBOX_SHARDS = 16
/** Postgres channel that wakes the relay at commit. */
export const OUTBOX_CHANNEL = 'quittance_outbox'

export interface EventContext {
  projectId: ProjectId
  userId: string
  correlationId: string
  /** Of the fact these events tell: makes their ids the same whenever it is told again. */
  intent: string
  /** By the clock of the object. */
  occurredAt: Date
}

/** Puts events into the outbox, in their order, in the transaction of the fact. Must run inside `once`: a sequence
 *  number that is taken is never given back except by rolling back. */
export async function appendEvents(
  transaction: Transaction,
  context: EventContext,
  drafts: EventDraft[],
): Promise<void> {
  if (drafts.length === 0) return
  const { projectId, userId } = context
  const key = messageKey(projectId, userId)
  const counts = countBySubject(drafts)

  // The stream's row lock is held to the commit: it orders the transactions of one customer, so that rows become visible
  // in the order of their positions. The second insert reads the first, which makes the lock come first.
  const counters = await transaction.execute<{
    topic: Topic
    subject: string
    sequence: string
    position: string
  }>(sql`
    with stream as (
      insert into outbox_streams (project_id, message_key, last_position) values (${projectId}, ${key}, ${drafts.length})
      on conflict (message_key) do update set last_position = outbox_streams.last_position + excluded.last_position
      returning last_position
    ), sequences as (
      insert into outbox_sequences (project_id, topic, subject, last_sequence)
      select ${projectId}, topic, subject, count
      from stream, jsonb_to_recordset(${JSON.stringify(counts)}::text::jsonb) as counted (topic text, subject text, count bigint)
      order by topic, subject
      on conflict (project_id, topic, subject)
        do update set last_sequence = outbox_sequences.last_sequence + excluded.last_sequence
      returning topic, subject, last_sequence
    )
    select topic, subject, last_sequence as sequence, last_position as position from sequences, stream`)
  let position = Number(counters[0]?.position) - drafts.length
  const nextSequence = new Map(
    counts.map(({ topic, subject, count }) => {
      const counter = counters.find((row) => row.topic === topic && row.subject === subject)
      return [`${topic} ${subject}`, Number(counter?.sequence) - count + 1]
    }),
  )

  const recordedTime = new Date().toISOString()
  const rows = drafts.map((draft, index) => {
    const topic = topicOf(draft.type)
    const counterKey = `${topic} ${draft.subject}`
    const sequence = nextSequence.get(counterKey) ?? 0
    nextSequence.set(counterKey, sequence + 1)
    position += 1
    const envelope: CloudEvent = {
      ...sealed(context, draft, index),
      time: context.occurredAt.toISOString(),
      sequence,
      recordedtime: recordedTime,
      data: draft.data,
    }
    return {
      projectId,
      eventId: envelope.id,
      topic,
      messageKey: key,
      shard: shardOf(key),
      position,
      envelope: JSON.stringify(envelope),
    }
  })
  await Promise.all([
    transaction.insert(outbox).values(rows),
    transaction.execute(sql`select pg_notify(${OUTBOX_CHANNEL}, '')`),
  ])
}

/** What an envelope says before it is known when it happened and which place it has. */
export function sealed(
  { projectId, correlationId, intent }: Pick<EventContext, 'projectId' | 'correlationId' | 'intent'>,
  { type, subject }: Pick<EventDraft, 'type' | 'subject'>,
  index = 0,
): Omit<CloudEvent, 'time' | 'sequence' | 'recordedtime' | 'data'> {
  return {
    specversion: '1.0',
    id: deriveId('ev', projectId, intent, type, String(index)),
    type: `com.quittance.${type}`,
    source: `/projects/${projectId}`,
    subject,
    datacontenttype: 'application/json',
    dataschema: `urn:quittance:event:${type}:v${EVENT_SCHEMA_VERSION}`,
    projectid: projectId,
    correlationid: correlationId,
  }
}

/** A small stable hash (FNV-1a): the same key leads to the same shard in every process and version. */
export function shardOf(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0) % OUTBOX_SHARDS
}

function countBySubject(drafts: EventDraft[]): { topic: Topic; subject: string; count: number }[] {
  const counts = new Map<string, { topic: Topic; subject: string; count: number }>()
  for (const { type, subject } of drafts) {
    const topic = topicOf(type)
    const counted = counts.get(`${topic} ${subject}`) ?? { topic, subject, count: 0 }
    counts.set(`${topic} ${subject}`, { ...counted, count: counted.count + 1 })
  }
  return [...counts.values()]
}
