import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertEvent } from '../../db/inbox.ts'
import { renewPartitions } from '../../db/retention.ts'
import { stripeEvent } from '../inbox/fixtures.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'
import { silent, until } from '../worker/fixtures.ts'
import { startMaintenance } from '../../worker/maintenance.ts'

let database: Seeded
let owner: postgres.Sql
const retention = { inbox: 90, outbox: 90 }

beforeAll(async () => {
  database = await openDatabase()
  owner = postgres(database.database.ownerUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await owner.end()
  await database.close()
})

async function partitionsOf(parent: string): Promise<string[]> {
  const rows = await owner<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = ${parent}::regclass order by 1`
  return rows.map(({ name }) => name)
}

const monthOf = (date: Date) => date.toISOString().slice(0, 7).replace('-', '_')
const inMonths = (months: number) => {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1))
}

describe('partitions', () => {
  it('are there for the months around now, and making them again changes nothing', async () => {
    const { system } = database.connections
    const wanted = [-1, 0, 1, 2].map((months) => monthOf(inMonths(months)))
    await Promise.all([1, 2, 3].map(() => renewPartitions(system, retention)))
    for (const parent of ['inbox', 'outbox', 'audit'])
      expect(await partitionsOf(parent)).toEqual(
        [...wanted.map((month) => `${parent}_${month}`), `${parent}_default`].toSorted(),
      )
  })

  it('are dropped after their retention, but not while something in them is unfinished', async () => {
    const { system } = database.connections
    const [done, undone] = [inMonths(-8), inMonths(-7)]
    for (const month of [done, undone]) {
      const end = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1))
      await owner.unsafe(
        `create table inbox_${monthOf(month)} partition of inbox for values from ('${month.toISOString()}') to ('${end.toISOString()}')`,
      )
    }
    await insertEvent(system, { ...stripeEvent('invoice.paid'), createdAt: done })
    await owner`update inbox set handled_at = now()`
    await insertEvent(system, { ...stripeEvent('invoice.paid'), createdAt: undone })

    expect(await renewPartitions(system, retention)).toEqual([`inbox_${monthOf(done)}`])
    expect(await partitionsOf('inbox')).toContain(`inbox_${monthOf(undone)}`)
    await owner`update inbox set handled_at = now()`
    expect(await renewPartitions(system, retention)).toEqual([`inbox_${monthOf(undone)}`])
  })

  it('cannot be dropped sooner than Stripe may repeat an event', async () => {
    await expect(
      renewPartitions(database.connections.system, { inbox: 10, outbox: 90 }),
    ).rejects.toMatchObject({ cause: { message: expect.stringContaining('shorter than the time') } })
  })

  it('are looked after by every worker by itself', async () => {
    const { system } = database.connections
    await owner.unsafe(`drop table outbox_${monthOf(inMonths(2))}`)
    const workers = [1, 2].map(() => startMaintenance({ system, logger: silent }))
    await until('the missing month is there', async () =>
      (await partitionsOf('outbox')).includes(`outbox_${monthOf(inMonths(2))}`),
    )
    await Promise.all(workers.map((worker) => worker.stop()))
    expect(await partitionsOf('outbox')).toHaveLength(5)
  })
})
