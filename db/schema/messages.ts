import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core'
import type { ProjectId } from '../../domain/ids.ts'
import { amountMinor, instant, recordedNow } from './columns.ts'

/** Stripe's events as they came. Partitioned by Stripe's own time of the event, which is part of it and so the same in
 *  every delivery: that is what makes one event id unique over all partitions. */
export const inbox = pgTable(
  'inbox',
  {
    eventId: text('event_id').notNull(),
    eventCreatedAt: instant('event_created_at').notNull(),
    type: text('type').notNull(),
    apiVersion: text('api_version'),
    account: text('account').notNull().default(''),
    livemode: boolean('livemode').notNull(),
    objectId: text('object_id').notNull(),
    /** The whole event, with the customer's data in it; gone when its partition is. */
    payload: jsonb('payload').notNull(),
    receivedAt: recordedNow('received_at'),
    handledAt: instant('handled_at'),
    /** What became of it: `signaled`, `not_relevant`, `not_ours`, `owner_finished`, … */
    outcome: text('outcome'),
    /** The workflow that was woken. */
    workflowId: text('workflow_id'),
    projectId: text('project_id').$type<ProjectId>(),
    attempts: integer('attempts').notNull().default(0),
    /** When the sweep takes it up; the receiver itself tries at once. */
    nextAttemptAt: instant('next_attempt_at')
      .notNull()
      .default(sql`now() + interval '5 seconds'`),
    lastError: text('last_error'),
  },
  (table) => [
    primaryKey({ columns: [table.eventId, table.eventCreatedAt] }),
    index('inbox_unhandled')
      .on(table.nextAttemptAt)
      .where(sql`${table.handledAt} is null`),
    index('inbox_received').on(table.receivedAt),
  ],
)

/** Events on their way to Kafka, written in the transaction of the fact they tell. */
export const outbox = pgTable(
  'outbox',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity().notNull(),
    recordedAt: recordedNow('recorded_at'),
    projectId: text('project_id').$type<ProjectId>().notNull(),
    eventId: text('event_id').notNull(),
    topic: text('topic').notNull(),
    messageKey: text('message_key').notNull(),
    /** Which relay loop publishes it: a hash of the key, so that one key has one publisher. */
    shard: smallint('shard').notNull(),
    /** Counted per key without gaps. */
    position: bigint('position', { mode: 'number' }).notNull(),
    /** The message as it is sent, byte for byte. */
    envelope: text('envelope').notNull(),
    publishedAt: instant('published_at'),
  },
  (table) => [
    primaryKey({ columns: [table.id, table.recordedAt] }),
    index('outbox_unpublished')
      .on(table.shard, table.id)
      .where(sql`${table.publishedAt} is null`),
    index('outbox_of_event').on(table.projectId, table.eventId),
  ],
)

/** One row per message key. Its lock orders the transactions of one customer; its flag parks a key behind a poison row. */
export const outboxStreams = pgTable(
  'outbox_streams',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    messageKey: text('message_key').notNull(),
    lastPosition: bigint('last_position', { mode: 'number' }).notNull(),
    parkedAt: instant('parked_at'),
    parkedReason: text('parked_reason'),
  },
  (table) => [
    primaryKey({ columns: [table.messageKey] }),
    index('outbox_streams_parked')
      .on(table.messageKey)
      .where(sql`${table.parkedAt} is not null`),
  ],
)

/** The CloudEvents `sequence`: rises by one per topic, source and subject. */
export const outboxSequences = pgTable(
  'outbox_sequences',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    topic: text('topic').notNull(),
    subject: text('subject').notNull(),
    lastSequence: bigint('last_sequence', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.topic, table.subject] })],
)

/** What has been recorded, by intent: the guard that makes a repeated activity write nothing twice. */
export const facts = pgTable(
  'facts',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    intent: text('intent').notNull(),
    recordedAt: recordedNow('recorded_at'),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.intent] })],
)

/** Who changed what, when and why. Append-only by grant and by trigger. */
export const audit = pgTable(
  'audit',
  {
    id: bigint('id', { mode: 'number' }).generatedAlwaysAsIdentity().notNull(),
    recordedAt: recordedNow('recorded_at'),
    projectId: text('project_id').$type<ProjectId>().notNull(),
    /** A key, an operator, `stripe` or `quittance`. */
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    subjectId: text('subject_id').notNull(),
    why: text('why').notNull(),
    correlationId: text('correlation_id').notNull(),
    /** Stripe's objects and events that it came from. */
    stripeIds: text('stripe_ids').array().notNull(),
    /** Stripe's event that led to it, where one did. */
    eventId: text('event_id'),
    /** The dunning policy it happened under. */
    policyVersion: integer('policy_version'),
    amount: amountMinor('amount_minor'),
    currency: text('currency'),
    before: jsonb('before').$type<Record<string, unknown>>(),
    after: jsonb('after').$type<Record<string, unknown>>(),
    /** By the clock of the object, which may be a test clock. */
    occurredAt: instant('occurred_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.id, table.recordedAt] }),
    index('audit_of_subject').on(table.projectId, table.subjectId, table.recordedAt),
  ],
)
