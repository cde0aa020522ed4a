import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  claimDueEvents,
  countUnhandledEvents,
  insertEvent,
  markEventHandled,
  postponeEvent,
} from '../../db/inbox.ts'
import type { Database } from '../../db/client.ts'
import { inbox } from '../../db/schema/index.ts'
import { inboxRow, stripeEvent } from '../inbox/fixtures.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'

let database: Seeded
let system: Database

beforeAll(async () => {
  database = await openDatabase(20)
  system = database.connections.system
})
beforeEach(async () => {
  await system.update(inbox).set({ handledAt: sql`now()` })
})
afterAll(() => database.close())

const makeDue = () => system.update(inbox).set({ nextAttemptAt: sql`now() - interval '1 second'` })

describe('the inbox', () => {
  it('takes an event id once, whoever delivers it at once, in whatever month it was created', async () => {
    for (const createdAt of [
      new Date(),
      new Date('2019-02-03T04:05:06Z'),
      new Date('2031-01-01T00:00:00Z'),
    ]) {
      const event = { ...stripeEvent('invoice.paid'), createdAt }
      const stored = await Promise.all(Array.from({ length: 10 }, () => insertEvent(system, event)))
      expect(stored.filter(Boolean)).toHaveLength(1)
      expect((await inboxRow(database, event.eventId)).eventCreatedAt).toEqual(createdAt)
    }
  })

  it('gives each due event to one of several that claim, and again only after the lease', async () => {
    const events = Array.from({ length: 40 }, () => stripeEvent('invoice.paid'))
    for (const event of events) await insertEvent(system, event)
    expect(await claimDueEvents(system, { limit: 100, lease_s: 30 })).toEqual([])
    await makeDue()
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => claimDueEvents(system, { limit: 10, lease_s: 30 })),
    )
    const claimed = claims.flat().map(({ eventId }) => eventId)
    expect(new Set(claimed).size).toBe(claimed.length)
    const rest = await claimDueEvents(system, { limit: 100, lease_s: 30 })
    expect([...claimed, ...rest.map(({ eventId }) => eventId)].toSorted()).toEqual(
      events.map(({ eventId }) => eventId).toSorted(),
    )
    expect(await claimDueEvents(system, { limit: 100, lease_s: 30 })).toEqual([])
  })

  it('hands back what was received', async () => {
    const event = stripeEvent(
      'invoice.paid',
      { id: 'in_1', nested: { list: [1, 'two', null] } },
      { status: 'x' },
    )
    await insertEvent(system, event)
    await makeDue()
    expect(await claimDueEvents(system, { limit: 1, lease_s: 30 })).toEqual([event])
  })

  it('closes an event once, and never opens it again', async () => {
    const event = stripeEvent('invoice.paid')
    await insertEvent(system, event)
    expect(await countUnhandledEvents(system)).toBe(1)
    expect(
      await markEventHandled(system, event, { outcome: 'signaled', workflowId: 'w' }),
    ).toBeGreaterThanOrEqual(0)
    expect(await markEventHandled(system, event, { outcome: 'not_ours' })).toBeUndefined()
    await postponeEvent(system, event, 'late')
    expect(await inboxRow(database, event.eventId)).toMatchObject({
      outcome: 'signaled',
      workflowId: 'w',
      attempts: 1,
      lastError: null,
    })
    expect(await countUnhandledEvents(system)).toBe(0)
    await makeDue()
    expect(await claimDueEvents(system, { limit: 10, lease_s: 30 })).toEqual([])
  })

  it('is closed to the application role: raw events belong to no tenant', async () => {
    await insertEvent(system, stripeEvent('invoice.paid'))
    await expect(database.connections.application.select().from(inbox)).rejects.toMatchObject({
      cause: { code: '42501' },
    })
    await expect(system.delete(inbox).where(eq(inbox.eventId, 'x'))).rejects.toMatchObject({
      cause: { code: '42501' },
    })
  })
})
