import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { appendEvents, OUTBOX_SHARDS, shardOf } from '../../db/outbox.ts'
import { findUnpublished, markPublished, measureBacklog } from '../../db/outbox-publishing.ts'
import { outbox } from '../../db/schema/index.ts'
import { parseEvent } from '../../events/envelope.ts'
import { openDatabase, seedPayment, seedProject, type Seeded } from '../support/seed.ts'
import { commitEvents, oneTo } from '../worker/fixtures.ts'

let database: Seeded

beforeAll(async () => {
  database = await openDatabase(20)
})
afterAll(() => database.close())

const allShards = Array.from({ length: OUTBOX_SHARDS }, (_, shard) => shard)
const everything = { shards: allShards, rowsPerShard: 1_000, bytes: 10_000_000 }

async function rowsOf(projectId: string) {
  const rows = await database.connections.system.select().from(outbox)
  return rows.filter((row) => row.projectId === projectId).toSorted((one, other) => one.id - other.id)
}

describe('the outbox', () => {
  it('writes envelopes as they are published, in the transaction of the fact', async () => {
    const projectId = await seedProject(database)
    const payment = await seedPayment(database, projectId)
    const [row, ...others] = await rowsOf(projectId)
    expect(others).toEqual([])
    const event = parseEvent(row?.envelope ?? '')
    expect(event).toMatchObject({
      id: row?.eventId,
      type: 'com.quittance.payment.created',
      subject: payment.paymentId,
      projectid: projectId,
      correlationid: payment.correlationId,
      sequence: 1,
    })
    expect(row).toMatchObject({
      messageKey: `${projectId}/${payment.userId}`,
      shard: shardOf(`${projectId}/${payment.userId}`),
      position: 1,
      publishedAt: null,
    })
  })

  it('gives an event that is told again the same id, and two events of one fact different ones', async () => {
    const projectId = mintId('prj')
    const tell = () =>
      inProject(database.connections.application, projectId, (transaction) =>
        appendEvents(
          transaction,
          { projectId, userId: 'ana', correlationId: 'c', intent: 'x/1', occurredAt: new Date(0) },
          ['pro', 'team'].map((role) => ({
            type: 'entitlement.role_granted' as const,
            subject: 'ana',
            data: { user_id: 'ana', role, roles: ['pro', 'team'], subscription_id: mintId('sbs') },
          })),
        ),
      )
    await tell()
    await tell()
    const ids = (await rowsOf(projectId)).map(({ eventId }) => eventId)
    expect(ids.slice(2)).toEqual(ids.slice(0, 2))
    expect(new Set(ids).size).toBe(2)
  })

  it('counts positions per key and sequences per subject without gaps, under rivals that roll back', async () => {
    const projectId = mintId('prj')
    const users = ['ana', 'bob', 'cid']
    let committed = 0
    await Promise.all(
      oneTo(16).flatMap((writer) =>
        oneTo(6).map(async (turn) => {
          const user = users[(writer + turn) % 3] ?? 'ana'
          const work = database.connections.application.transaction(async (transaction) => {
            await commitEvents(transaction, projectId, user, { count: 1 + (turn % 3) })
            if ((writer + turn) % 4 === 0) throw new Error('rolled back')
          })
          await work.then(
            () => (committed += 1 + (turn % 3)),
            () => undefined,
          )
        }),
      ),
    )
    const rows = await rowsOf(projectId)
    expect(rows).toHaveLength(committed)
    for (const user of users) {
      const ofUser = rows.filter(({ messageKey }) => messageKey === `${projectId}/${user}`)
      // In the order of their ids, which is the order in which the relay publishes.
      expect(ofUser.map(({ position }) => position)).toEqual(oneTo(ofUser.length))
      expect(ofUser.map(({ envelope }) => parseEvent(envelope).sequence)).toEqual(oneTo(ofUser.length))
    }
  })

  it('hands out the oldest unpublished rows of the shards asked for, by number and by size', async () => {
    const { application, system } = database.connections
    const projectId = mintId('prj')
    for (const user of ['ana', 'bob', 'cid', 'dan'])
      await commitEvents(application, projectId, user, { count: 3 })
    const mine = <Row extends { messageKey: string }>(rows: Row[]) =>
      rows.filter(({ messageKey }) => messageKey.startsWith(projectId))

    const all = mine(await findUnpublished(system, everything))
    expect(all).toHaveLength(12)
    const shard = shardOf(`${projectId}/ana`)
    const ofShard = mine(await findUnpublished(system, { ...everything, shards: [shard] }))
    expect(ofShard.length).toBeLessThan(12)
    expect(ofShard.every(({ messageKey }) => shardOf(messageKey) === shard)).toBe(true)
    expect(await findUnpublished(system, { ...everything, shards: [] })).toEqual([])
    expect(await findUnpublished(system, { ...everything, bytes: 1 })).toHaveLength(1)
    expect((await findUnpublished(system, { ...everything, rowsPerShard: 1 })).length).toBeLessThanOrEqual(
      OUTBOX_SHARDS,
    )

    const before = (await measureBacklog(system)).unpublished
    await markPublished(system, all)
    expect(mine(await findUnpublished(system, everything))).toEqual([])
    expect((await measureBacklog(system)).unpublished).toBe(before - 12)
  })

  it('spreads keys over all shards', () => {
    const counts = new Map<number, number>()
    for (const number of oneTo(1_600)) {
      const shard = shardOf(`prj_1/user-${number}`)
      counts.set(shard, (counts.get(shard) ?? 0) + 1)
    }
    expect([...counts.keys()].toSorted((one, other) => one - other)).toEqual(allShards)
    expect(Math.max(...counts.values())).toBeLessThan(200)
  })
})
