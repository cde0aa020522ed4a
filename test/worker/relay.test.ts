import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connections, Database } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { OUTBOX_SHARDS } from '../../db/outbox.ts'
import { listParkedStreams, measureBacklog, unparkStream } from '../../db/outbox-publishing.ts'
import { outbox } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { messageKey } from '../../domain/events.ts'
import { type Relay, type RelayOptions, startRelay } from '../../worker/relay.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'
import {
  commitEvents,
  createRecordingPublisher,
  dropConnections,
  oneTo,
  readEnvelope,
  sequencesByKey,
  silent,
  unpublishedCount,
  until,
} from './fixtures.ts'

let database: Seeded
let application: Database
let system: Database
let systemClient: Connections['systemClient']
let projectId: ProjectId
const relays: Relay[] = []

beforeAll(async () => {
  database = await openDatabase()
  ;({ application, system, systemClient } = database.connections)
})
beforeEach(() => {
  projectId = mintId('prj')
  return async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()))
  }
})
afterAll(() => database.close())

function start(publisher: RelayOptions['publisher'], options: Partial<RelayOptions> = {}): Relay {
  const relay = startRelay({
    connections: database.connections,
    publisher,
    logger: silent,
    interval_ms: 200,
    ...options,
  })
  relays.push(relay)
  return relay
}

describe('the relay', () => {
  it('publishes what was committed before it started and after, in order per key, and marks it', async () => {
    const users = ['ana', 'bob', 'cid']
    const publisher = createRecordingPublisher()
    for (const user of users) await commitEvents(application, projectId, user, { count: 3 })
    start(publisher)
    for (const user of users) await commitEvents(application, projectId, user, { count: 2 })

    await until('everything is published', () => publisher.published.length === 15)
    await until('everything is marked', async () => (await unpublishedCount(system)) === 0)
    expect(sequencesByKey(publisher.published)).toEqual(
      new Map(users.map((user) => [messageKey(projectId, user), oneTo(5)])),
    )
    expect(publisher.published[0]).toMatchObject({
      topic: 'quittance.payments',
      headers: { 'content-type': 'application/cloudevents+json' },
    })
  })

  it('is woken by the commit, not by its interval', async () => {
    const publisher = createRecordingPublisher()
    const relay = start(publisher, { interval_ms: 30_000 })
    await until('it holds all shards', () => relay.stats().shards.length === OUTBOX_SHARDS)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await commitEvents(application, projectId, 'ana')
    const committedAt = Date.now()
    await until('the event is out', () => publisher.published.length === 1)
    expect(Date.now() - committedAt).toBeLessThan(5_000)
  })

  it('does not publish what was rolled back, nor skip what commits late with a lower id', async () => {
    const publisher = createRecordingPublisher()
    start(publisher)
    let finishSlow = () => {}
    const slowMayEnd = new Promise<void>((resolve) => (finishSlow = resolve))
    const slow = application.transaction(async (transaction) => {
      await commitEvents(transaction, projectId, 'slow')
      await slowMayEnd
    })
    await until('the slow one has drawn its id', async () => {
      const [row] = await systemClient`
        select count(*)::int as count from pg_locks where relation = 'outbox_streams'::regclass`
      return row?.count > 0
    })
    const rolledBack = application.transaction(async (transaction) => {
      await commitEvents(transaction, projectId, 'undone')
      throw new Error('undone')
    })
    await expect(rolledBack).rejects.toThrow('undone')
    await commitEvents(application, projectId, 'quick')
    await until('the quick one is out', () => publisher.published.length === 1)
    finishSlow()
    await slow
    await until('the slow one is out', () => publisher.published.length === 2)
    expect(publisher.published.map(({ key }) => key)).toEqual([
      messageKey(projectId, 'quick'),
      messageKey(projectId, 'slow'),
    ])
  })

  it('waits out an outage, sends nothing past what was not acknowledged, and goes on by itself', async () => {
    const publisher = createRecordingPublisher()
    publisher.failure = new Error('no broker')
    const relay = start(publisher)
    await commitEvents(application, projectId, 'ana', { count: 2 })
    await until('it has failed a few times', () => relay.stats().failuresInARow >= 2)
    await commitEvents(application, projectId, 'ana', { count: 2 })
    expect(await measureBacklog(system)).toMatchObject({ unpublished: 4, parkedKeys: 0 })
    publisher.failure = undefined
    await until('it has caught up', async () => (await unpublishedCount(system)) === 0)
    expect(sequencesByKey(publisher.published)).toEqual(new Map([[messageKey(projectId, 'ana'), oneTo(4)]]))
    expect(publisher.published).toHaveLength(4)
  })

  it('outlives a database that drops every connection, and is woken by commits again', async () => {
    const publisher = createRecordingPublisher()
    const relay = start(publisher)
    await until('it works', () => relay.stats().shards.length === OUTBOX_SHARDS)
    await dropConnections(database)
    await commitEvents(application, projectId, 'ana', { count: 3 })
    await until('it goes on', async () => (await unpublishedCount(system)) === 0)
    await until('it holds all shards again', () => relay.stats().shards.length === OUTBOX_SHARDS)
    expect(sequencesByKey(publisher.published).get(messageKey(projectId, 'ana'))).toEqual(oneTo(3))
    await until('it listens again', async () => {
      const [row] = await systemClient<{ listening: boolean }[]>`
        select exists (select from pg_stat_activity
          where datname = current_database() and query ilike 'listen%') as listening`
      return row?.listening === true
    })
  })

  it('cuts batches at their size', async () => {
    const publisher = createRecordingPublisher()
    await commitEvents(application, projectId, 'ana', { count: 10, note: 'x'.repeat(1_000) })
    start(publisher, { batchBytes: 4_000 })
    await until('all is out', () => publisher.published.length === 10)
    expect(publisher.batches).toBeGreaterThanOrEqual(4)
    expect(sequencesByKey(publisher.published).get(messageKey(projectId, 'ana'))).toEqual(oneTo(10))
  })

  it('parks the key of an event that is refused and no other, and takes it up in order when told', async () => {
    let limit = 2_000
    const publisher = createRecordingPublisher({ refuses: ({ value }) => value.length > limit })
    for (const user of ['ana', 'bob', 'cid']) await commitEvents(application, projectId, user, { count: 2 })
    await commitEvents(application, projectId, 'bob', { note: 'x'.repeat(3_000) })
    for (const user of ['ana', 'bob', 'cid']) await commitEvents(application, projectId, user, { count: 2 })
    start(publisher)

    const poisoned = messageKey(projectId, 'bob')
    await until('the other keys are out', () => publisher.published.length === 10)
    await commitEvents(application, projectId, 'ana')
    await commitEvents(application, projectId, 'bob')
    await until('they go on', () => publisher.published.length === 11)
    expect(sequencesByKey(publisher.published)).toEqual(
      new Map([
        [messageKey(projectId, 'ana'), oneTo(5)],
        [poisoned, oneTo(2)],
        [messageKey(projectId, 'cid'), oneTo(4)],
      ]),
    )
    const [parked, ...others] = await listParkedStreams(system)
    expect(others).toEqual([])
    expect(parked).toMatchObject({ messageKey: poisoned, projectId })
    expect(parked?.parkedReason).toMatch(/^MESSAGE_TOO_LARGE: event ev_\w{26} of \d+ bytes$/)
    expect((await measureBacklog(system)).parkedKeys).toBe(1)

    limit = 10_000
    expect(await unparkStream(system, poisoned)).toBe(true)
    await until('the parked key is out', async () => (await unpublishedCount(system)) === 0)
    expect(sequencesByKey(publisher.published).get(poisoned)).toEqual(oneTo(6))
    expect(await unparkStream(system, poisoned)).toBe(false)
  })
})

describe('several relays', () => {
  it('share the shards, send each event once, and take over what one leaves', async () => {
    const publishers = [createRecordingPublisher({ delay_ms: 5 }), createRecordingPublisher({ delay_ms: 5 })]
    const [first, second] = publishers.map((publisher) => start(publisher))
    if (!first || !second) throw new Error('two relays were started')
    await until('each holds half', () =>
      [first, second].every((relay) => relay.stats().shards.length === OUTBOX_SHARDS / 2),
    )
    expect(new Set([...first.stats().shards, ...second.stats().shards]).size).toBe(OUTBOX_SHARDS)

    const users = oneTo(40).map((number) => `user-${number}`)
    const commitRound = () => Promise.all(users.map((user) => commitEvents(application, projectId, user)))
    for (let round = 0; round < 3; round += 1) await commitRound()
    await until('all is marked', async () => (await unpublishedCount(system)) === 0)
    const all = () => publishers.flatMap(({ published }) => published)
    expect(all()).toHaveLength(120)
    expect(publishers.every(({ published }) => published.length > 0)).toBe(true)

    await first.stop()
    await commitRound()
    await until('the other has taken over', async () => (await unpublishedCount(system)) === 0, 3_000)
    expect(second.stats().shards).toHaveLength(OUTBOX_SHARDS)
    // A key's events came out through one relay and then the other.
    for (const [, sequences] of sequencesByKey(all())) expect(sequences).toEqual(oneTo(4))
    expect(all()).toHaveLength(160)
  })

  it('take over within moments when their sessions break, and lose and reorder nothing', async () => {
    // One publisher for both, so that it sees the order over all.
    const publisher = createRecordingPublisher({ delay_ms: 20 })
    const relays = [start(publisher), start(publisher)]
    await until('each holds half', () =>
      relays.every((relay) => relay.stats().shards.length === OUTBOX_SHARDS / 2),
    )
    const users = oneTo(20).map((number) => `user-${number}`)
    const committing = (async () => {
      for (let round = 0; round < 10; round += 1)
        await Promise.all(users.map((user) => commitEvents(application, projectId, user)))
    })()
    let broken = 0
    for (let time = 0; time < 4; time += 1) {
      const ended = await systemClient`
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'test-session' and datname = current_database()`
      broken += ended.length
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    await committing
    expect(broken).toBeGreaterThan(2)
    await until('all is marked', async () => (await unpublishedCount(system)) === 0)
    for (const user of users)
      expect(sequencesByKey(publisher.published).get(messageKey(projectId, user))).toEqual(oneTo(10))
  })
})

describe('the outbox', () => {
  it('keeps each key gapless and in order however often its writers fail', async () => {
    const publisher = createRecordingPublisher()
    start(publisher)
    const users = ['ana', 'bob']
    await Promise.all(
      oneTo(16).flatMap((writer) =>
        oneTo(10).map(async (turn) => {
          const user = users[(writer + turn) % 2] ?? 'ana'
          const work = application.transaction(async (transaction) => {
            await commitEvents(transaction, projectId, user)
            if ((writer * turn) % 3 === 0) throw new Error('rolled back')
          })
          await work.catch(() => {})
        }),
      ),
    )
    await until('all is marked', async () => (await unpublishedCount(system)) === 0)
    const rows = await system.select().from(outbox)
    for (const user of users) {
      const key = messageKey(projectId, user)
      const ofUser = rows.filter((row) => row.messageKey === key).toSorted((one, other) => one.id - other.id)
      expect(ofUser.length).toBeGreaterThan(20)
      expect(ofUser.map(({ position }) => position)).toEqual(oneTo(ofUser.length))
      expect(sequencesByKey(publisher.published).get(key)).toEqual(oneTo(ofUser.length))
    }
    const ids = publisher.published.map((message) => readEnvelope(message).id)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
