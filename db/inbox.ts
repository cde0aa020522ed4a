import { and, eq, isNull, sql } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import type { ProviderEvent } from '../domain/provider.ts'
import type { Database } from './client.ts'
import { inbox } from './schema/index.ts'

/** What became of an event. */
export type InboxOutcome =
  /** Its workflow was woken. */
  | 'signaled'
  /** Its workflow had ended and nothing can change the outcome any more. */
  | 'owner_finished'
  /** Its workflow will start after the event and so reads what the event told. */
  | 'covered_by_first_read'
  /** Of a type that changes no decision. */
  | 'not_relevant'
  /** Caused by a request of ours, which knows the outcome from its answer. */
  | 'own_effect'
  /** Of a type this release does not know. */
  | 'unknown_type'
  /** About something that no project here owns. */
  | 'not_ours'

export interface HandledEvent {
  outcome: InboxOutcome
  workflowId?: string
  projectId?: ProjectId
}

/** Stores an event unless its id is already there.
 *  @param outcome closes it at once
 *  @returns whether it was new. */
export async function insertEvent(
  system: Database,
  event: ProviderEvent,
  outcome?: InboxOutcome,
): Promise<boolean> {
  const { eventId, createdAt, type, apiVersion, account, livemode, objectId, payload } = event
  const inserted = await system
    .insert(inbox)
    .values({
      eventId,
      eventCreatedAt: createdAt,
      type,
      apiVersion,
      account,
      livemode,
      objectId,
      payload: sql`${storable(payload)}::text::jsonb`,
      ...(outcome && { outcome, handledAt: sql`now()`, attempts: 1 }),
    })
    .onConflictDoNothing()
    .returning({ eventId: inbox.eventId })
  return inserted.length > 0
}

/** Takes unhandled events that are due, oldest first, and puts them off by the lease: should this process die, another takes
 *  them up then. Two that claim at once get different ones. */
export async function claimDueEvents(
  system: Database,
  { limit, lease_s }: { limit: number; lease_s: number },
): Promise<ProviderEvent[]> {
  const due = system
    .select({ eventId: inbox.eventId, eventCreatedAt: inbox.eventCreatedAt })
    .from(inbox)
    .where(and(isNull(inbox.handledAt), sql`${inbox.nextAttemptAt} <= now()`))
    .orderBy(inbox.nextAttemptAt)
    .limit(limit)
    .for('update', { skipLocked: true })
  const rows = await system
    .update(inbox)
    .set({ nextAttemptAt: sql`now() + ${lease_s} * interval '1 second'` })
    .where(sql`(${inbox.eventId}, ${inbox.eventCreatedAt}) in ${due}`)
    .returning()
  return rows
    .toSorted((one, other) => one.receivedAt.getTime() - other.receivedAt.getTime())
    .map((row) => ({
      eventId: row.eventId,
      type: row.type,
      createdAt: row.eventCreatedAt,
      apiVersion: row.apiVersion,
      account: row.account,
      livemode: row.livemode,
      objectId: row.objectId,
      payload: row.payload as ProviderEvent['payload'],
    }))
}

/** Closes an event. The first outcome stays.
 *  @returns seconds since the event was received; `undefined` when it was closed before. */
export async function markEventHandled(
  system: Database,
  event: Pick<ProviderEvent, 'eventId' | 'createdAt'>,
  { outcome, workflowId, projectId }: HandledEvent,
): Promise<number | undefined> {
  const [row] = await system
    .update(inbox)
    .set({
      handledAt: sql`now()`,
      outcome,
      workflowId: workflowId ?? null,
      projectId: projectId ?? null,
      attempts: sql`${inbox.attempts} + 1`,
      lastError: null,
    })
    .where(and(isEvent(event), isNull(inbox.handledAt)))
    .returning({ age_s: sql<string>`extract(epoch from now() - ${inbox.receivedAt})` })
  return row && Number(row.age_s)
}

/** Puts an event off after a failed attempt: 2, 4, 8, … seconds, a minute at most, for as long as it takes. */
export async function postponeEvent(
  system: Database,
  event: Pick<ProviderEvent, 'eventId' | 'createdAt'>,
  lastError: string,
): Promise<void> {
  await system
    .update(inbox)
    .set({
      attempts: sql`${inbox.attempts} + 1`,
      nextAttemptAt: sql`now() + least(60, 2 ^ least(${inbox.attempts} + 1, 6)) * interval '1 second'`,
      lastError,
    })
    .where(and(isEvent(event), isNull(inbox.handledAt)))
}

/** How many events wait, up to a bound that keeps the question cheap. */
export async function countUnhandledEvents(system: Database, bound = 10_000): Promise<number> {
  const [row] = await system.execute<{ count: number }>(sql`
    select count(*)::int as count from (select from ${inbox} where ${inbox.handledAt} is null limit ${bound}) as waiting`)
  return row?.count ?? 0
}

const isEvent = ({ eventId, createdAt }: Pick<ProviderEvent, 'eventId' | 'createdAt'>) =>
  and(eq(inbox.eventId, eventId), eq(inbox.eventCreatedAt, createdAt))

/** Postgres stores neither NUL nor half a surrogate pair, and JSON may carry both in what a customer typed. Refusing the
 *  event would have Stripe send it for days. `JSON.stringify` writes exactly these as escapes. */
function storable(payload: unknown): string {
  return JSON.stringify(payload).replace(
    /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g,
    (_escape, backslashes: string) => `${backslashes}\uFFFD`,
  )
}

/** How often an event has been put off. */
export async function attemptsOf(
  system: Database,
  event: Pick<ProviderEvent, 'eventId' | 'createdAt'>,
): Promise<number> {
  const [row] = await system.select({ attempts: inbox.attempts }).from(inbox).where(isEvent(event))
  return row?.attempts ?? 0
}
