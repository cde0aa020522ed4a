import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { eventually } from '../support/eventually.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'

let database: Seeded
let superuser: postgres.Sql

beforeAll(async () => {
  database = await openDatabase()
  superuser = postgres(database.database.superuserUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await superuser.end()
  await database.close()
})

describe('a connection that is lost', () => {
  it('fails what ran on it and nothing else, in the middle of transactions and again and again', async () => {
    const { application, system } = database.connections
    const projectId = mintId('prj')
    const projectsSeen = new Set<unknown>()
    let stopping = false
    const outcomes = { succeeded: 0, failed: 0 }
    const repeat = async (work: () => Promise<unknown>) => {
      while (!stopping) {
        try {
          await work()
          outcomes.succeeded += 1
        } catch {
          outcomes.failed += 1
          await sleep(5)
        }
      }
    }
    const inTransactions = () =>
      inProject(application, projectId, async (transaction) => {
        await transaction.execute(sql`select pg_sleep(0.001)`)
        const [row] = await transaction.execute(
          sql`select current_setting('quittance.project_id', true) as project`,
        )
        projectsSeen.add(row?.project)
      })
    const loops = Array.from({ length: 8 }, () => [
      repeat(inTransactions),
      repeat(async () => system.execute(sql`select pg_sleep(0.001)`)),
    ]).flat()

    for (let round = 0; round < 20; round += 1) {
      const before = outcomes.succeeded
      await eventually('work goes on', () => outcomes.succeeded > before + loops.length)
      await superuser`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`
    }
    stopping = true
    await Promise.all(loops)
    expect(outcomes.failed).toBeGreaterThan(0)
    await inTransactions()
    // No transaction was ended by another's rollback, and none has left its project.
    expect(projectsSeen).toEqual(new Set([projectId]))
  })
})
