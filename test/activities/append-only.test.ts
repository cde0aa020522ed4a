import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRecordCheckout } from '../../activities/record-checkout.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'

let seeded: Seeded
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  const { paymentId } = await seedPayment(seeded, projectId)
  const total = money(9900, currency('brl'))
  await createRecordCheckout({
    database: seeded.connections.application,
    provider: createScriptedProvider().provider,
    now: () => new Date(),
    ticker: noTicker,
  })({
    projectId,
    paymentId,
    snapshot: { session: 'complete', payment: 'paid', settlement: 'none', total, attempts: [] },
  })
})
afterAll(() => seeded.close())

const columns = {
  ledger_entries: 'user_id',
  ledger_transfers: 'currency',
  facts: 'intent',
  audit: 'why',
}
const tables = Object.keys(columns) as (keyof typeof columns)[]

/** Runs a statement as this role, for this project, and tells the SQLSTATE it was refused with. */
async function refusalOf(url: string, statement: string): Promise<string | undefined> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.begin(async (transaction) => {
      await transaction`select set_config('quittance.project_id', ${projectId}, true)`
      await transaction.unsafe(statement)
    })
    return undefined
  } catch (error) {
    return error instanceof postgres.PostgresError ? error.code : String(error)
  } finally {
    await sql.end()
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const INSUFFICIENT_PRIVILEGE = '42501'
const RESTRICT_VIOLATION = '23001'

describe.each(tables)('what %s holds', (table) => {
  const statements = [
    `update ${table} set ${columns[table]} = 'forged'`,
    `delete from ${table}`,
    `truncate ${table} cascade`,
  ]

  it('is there to be protected', async () => {
    const sql = postgres(seeded.database.ownerUrl, { max: 1, onnotice: () => {} })
    const [row] = await sql.unsafe(`select count(*)::int as count from ${table}`)
    await sql.end()
    expect(row?.count).toBeGreaterThan(0)
  })

  it.each(statements)('is not changed by the application: %s', async (statement) => {
    expect(await refusalOf(seeded.database.applicationUrl, statement)).toBe(INSUFFICIENT_PRIVILEGE)
  })

  it.each(statements)('is not changed by the owner either: %s', async (statement) => {
    expect(await refusalOf(seeded.database.ownerUrl, statement)).toBe(RESTRICT_VIOLATION)
  })
})

describe('an entry of the ledger', () => {
  const addition = () => `insert into ledger_transfers
    select project_id, entry_id, 99, debit_account, credit_account, amount_minor, currency from ledger_transfers
    where project_id = '${projectId}' limit 1`

  it.each(['applicationUrl', 'ownerUrl'] as const)('is not added to later (%s)', async (role) => {
    expect(await refusalOf(seeded.database[role], addition())).toBe(RESTRICT_VIOLATION)
  })

  it('is written with its transfers in one transaction, by as many statements as it takes', async () => {
    const entry = `insert into ledger_entries (project_id, entry_id, intent, user_id, occurred_at)
      values ('${projectId}', 'le_1', 'test/1', 'user-1', now())`
    const transfer = (position: number) => `insert into ledger_transfers
      values ('${projectId}', 'le_1', ${position}, 'stripe_balance', 'revenue', 1, 'brl')`
    const together = [entry, transfer(0), transfer(1)].join('; ')
    expect(await refusalOf(seeded.database.applicationUrl, together)).toBeUndefined()
    expect(await refusalOf(seeded.database.applicationUrl, transfer(2))).toBe(RESTRICT_VIOLATION)
  })
})
