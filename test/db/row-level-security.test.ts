import postgres from 'postgres'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { insertKey } from '../../db/keys.ts'
import { mintId } from '../../db/mint-id.ts'
import { customers, inbox, payments } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'

let seeded: Seeded
let owner: postgres.Sql
let mine: ProjectId
let theirs: ProjectId

beforeAll(async () => {
  // Two connections for everybody: whatever one transaction leaves behind, the next one finds.
  seeded = await openDatabase(2)
  owner = postgres(seeded.database.ownerUrl, { max: 1, onnotice: () => {} })
  mine = await seedProject(seeded)
  theirs = await seedProject(seeded)
  await seedPayment(seeded, mine)
  await seedPayment(seeded, theirs)
})
afterAll(async () => {
  await owner.end()
  await seeded.close()
})

/** Tables that came with the life of a subscription; the catalogue finds all others by themselves. */
const tenantTables = [
  'dunning_policies',
  'dunning_cases',
  'dunning_attempts',
  'subscription_commands',
  'test_clocks',
  'clock_deadlines',
  'notices',
  'wallets',
  'credit_lots',
  'wallet_transactions',
  'top_ups',
  'balance_transactions',
  'reconciliation_differences',
]

const application = () => seeded.connections.application
/** What a broken rule says; drizzle wraps it. */
const causeOf = (error: unknown) => String(error instanceof Error ? (error.cause ?? error) : error)

describe('the catalogue of the database', () => {
  it('has no table that the roles of the product may touch without forced row-level security and a policy', async () => {
    const unguarded = await owner`
      select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm')
        and (has_table_privilege('quittance_app', c.oid, 'select, insert, update, delete, truncate')
          or has_any_column_privilege('quittance_app', c.oid, 'select, insert, update')
          or has_any_column_privilege('quittance_system', c.oid, 'select, insert, update')
          or has_table_privilege('quittance_system', c.oid, 'select, insert, update, delete, truncate'))
        and not (c.relrowsecurity and c.relforcerowsecurity
          and exists (select from pg_policy p where p.polrelid = c.oid))`
    expect(unguarded).toEqual([])
  })

  it('has no table of tenants that is unforced, unless nobody but the owner can reach it', async () => {
    const tables = await owner<{ relname: string; guarded: boolean; reachable: boolean }[]>`
      select c.relname, c.relrowsecurity and c.relforcerowsecurity as guarded,
        has_any_column_privilege('quittance_app', c.oid, 'select') as reachable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
      where n.nspname = 'public' and c.relkind in ('r', 'p')`
    expect(tables.length).toBeGreaterThan(22)
    const names = tables.map(({ relname }) => relname)
    expect(names).toEqual(expect.arrayContaining(tenantTables))
    // The partitions of a guarded table are reached through it alone.
    expect(tables.filter(({ guarded, reachable }) => !guarded && reachable)).toEqual([])
    const partitions = await owner`select inhrelid::regclass::text as name from pg_inherits`
    const ofOwnerOnly = tables.filter(({ guarded }) => !guarded).map(({ relname }) => relname)
    expect(partitions.map(({ name }) => String(name))).toEqual(expect.arrayContaining(ofOwnerOnly))
  })

  it("lets the application's role read and write by the project of the transaction and by nothing else", async () => {
    const policies = await owner<{ tablename: string; cmd: string; qual: string; with_check: string }[]>`
      select tablename, cmd, qual, with_check from pg_policies where 'quittance_app' = any (roles)`
    const rule = '(project_id = current_project())'
    const odd = policies.filter(
      ({ cmd, qual, with_check: check }) => cmd !== 'ALL' || qual !== rule || check !== rule,
    )
    expect(odd).toEqual([])
  })

  it.each(['quittance_app', 'quittance_system'])(
    'lets %s own nothing, bypass nothing and become nobody',
    async (role) => {
      const [attributes] = await owner`
      select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication from pg_roles where rolname = ${role}`
      expect(Object.values(attributes ?? {})).toEqual([false, false, false, false, false])
      expect(await owner`select relname from pg_class where pg_get_userbyid(relowner) = ${role}`).toEqual([])
      expect(await owner`select proname from pg_proc where pg_get_userbyid(proowner) = ${role}`).toEqual([])
      expect(await owner`select from pg_auth_members where member = ${role}::regrole`).toEqual([])
      const [schema] = await owner`select has_schema_privilege(${role}, 'public', 'create') as may_create`
      expect(schema?.may_create).toBe(false)
    },
  )

  it('lets nobody change what is permanent', async () => {
    for (const table of ['facts', 'audit'])
      await expect(owner.unsafe(`delete from ${table}`)).rejects.toThrow(/append-only/)
    for (const table of ['ledger_entries', 'ledger_transfers', 'facts', 'audit', 'wallet_transactions']) {
      const [privileges] = await owner`
        select has_table_privilege('quittance_app', ${table}, 'update, delete, truncate') as app,
          has_table_privilege('quittance_system', ${table}, 'update, delete, truncate') as system`
      expect({ table, ...privileges }).toEqual({ table, app: false, system: false })
      await expect(owner.unsafe(`truncate ${table} cascade`)).rejects.toThrow(/append-only/)
    }
  })
})

describe("the application's role", () => {
  it('sees nothing where no project is named, nor where an empty one is', async () => {
    expect(await application().select().from(payments)).toEqual([])
    const named = application().transaction(async (transaction) => {
      await transaction.execute(sql`select set_config('quittance.project_id', '', true)`)
      return transaction.select().from(payments)
    })
    expect(await named).toEqual([])
  })

  it('does not keep a project from one transaction to the next on the same connection', async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      await inProject(application(), mine, (transaction) => transaction.select().from(payments))
      expect(await application().select().from(payments)).toEqual([])
    }
  })

  it('keeps tenants apart while forty of their transactions are interleaved on two connections', async () => {
    const seen = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const project = index % 2 === 0 ? mine : theirs
        const read = () =>
          inProject(application(), project, async (transaction) => {
            const before = await transaction.select({ project: payments.projectId }).from(payments)
            await transaction.execute(sql`select pg_sleep(0.005)`)
            const after = await transaction.select({ project: customers.projectId }).from(customers)
            if (index % 5 === 0) throw new Error('rolled back')
            return [...before, ...after]
          })
        const rows = await read().catch(() => [])
        return rows.every((row) => row.project === project)
      }),
    )
    expect(seen).not.toContain(false)
  })

  it('cannot write a row of another project, nor move one there', async () => {
    const key = { projectId: theirs, keyId: mintId('key'), keyHash: Buffer.from('x'), livemode: false }
    const insertion = inProject(application(), mine, (transaction) => insertKey(transaction, key))
    expect(causeOf(await insertion.catch((error: unknown) => error))).toMatch(/row-level security/)
    const move = inProject(application(), mine, (transaction) =>
      transaction.update(payments).set({ projectId: theirs }),
    )
    expect(causeOf(await move.catch((error: unknown) => error))).toMatch(/row-level security/)
    const change = await inProject(application(), mine, (transaction) =>
      transaction
        .update(payments)
        .set({ status: 'succeeded' })
        .where(sql`project_id = ${theirs}`)
        .returning(),
    )
    expect(change).toEqual([])
  })

  it('cannot reach keys of callers, operators, webhooks or partitions', async () => {
    const partition = (await owner`select inhrelid::regclass::text as name from pg_inherits limit 1`)[0]?.name
    for (const table of ['idempotency_keys', 'operators', 'inbox', String(partition)]) {
      const reading = application().execute(sql.raw(`select * from ${table}`))
      expect(causeOf(await reading.catch((error: unknown) => error))).toMatch(/permission denied/)
    }
  })

  it('cannot become the owner or switch the rules off', async () => {
    for (const statement of ['set role quittance_owner', 'alter table payments disable row level security']) {
      const attempt = application().execute(sql.raw(statement))
      expect(causeOf(await attempt.catch((error: unknown) => error))).toMatch(
        /permission denied|must be owner/,
      )
    }
    const unfiltered = application().transaction(async (transaction) => {
      await transaction.execute(sql`set local row_security = off`)
      return transaction.select().from(payments)
    })
    // Switched off, the server refuses to answer rather than to leave anything unfiltered.
    expect(causeOf(await unfiltered.catch((error: unknown) => error))).toMatch(/row-level security/)
  })
})

describe('functions that look beyond the tenant', () => {
  const asMine = (statement: string) =>
    inProject(application(), mine, (transaction) => transaction.execute(sql.raw(statement)))

  it('tell the application how much is unhandled, and whom of its own workflows was told, and no more', async () => {
    const event = (eventId: string, projectId: ProjectId | null) => ({
      eventId,
      eventCreatedAt: new Date(),
      type: 'invoice.paid',
      livemode: false,
      objectId: 'in_1',
      payload: {},
      projectId,
      workflowId: projectId && `subscription/${projectId}`,
      handledAt: projectId && new Date(),
    })
    const events = [event('evt_rls_1', mine), event('evt_rls_2', theirs), event('evt_rls_3', null)]
    await drizzle(owner).insert(inbox).values(events)
    const [unhandled] = await asMine(`select unhandled_test_events(now() + interval '1 minute') as count`)
    expect(Number(unhandled?.count)).toBe(1)
    const told = await asMine(`select workflows_told_since(now() - interval '1 minute') as id`)
    expect(told.map(({ id }) => id)).toEqual([`subscription/${mine}`])
  })
})

describe('the system role', () => {
  it('reads whose keys and events they are, but no customer and no ledger', async () => {
    const { systemClient } = seeded.connections
    expect((await systemClient`select project_id from payments`).length).toBe(2)
    for (const table of [
      'customers',
      'audit',
      'ledger_entries',
      'plans',
      'products',
      'facts',
      'payment_attempts',
      'dunning_policies',
      'dunning_cases',
      'dunning_attempts',
      'subscription_commands',
      'test_clocks',
      'clock_deadlines',
      'wallets',
      'credit_lots',
      'wallet_transactions',
      'top_ups',
    ])
      await expect(systemClient.unsafe(`select * from ${table}`)).rejects.toThrow(/permission denied/)
    await expect(systemClient`select metadata from payments`).rejects.toThrow(/permission denied/)
    // Of a customer no more than the clock they hang on, of a case no more than whose it is.
    await expect(systemClient`select email from customers`).rejects.toThrow(/permission denied/)
    expect((await systemClient`select clock_id from customers`).length).toBe(2)
    await expect(systemClient`select policy from dunning_cases`).rejects.toThrow(/permission denied/)
    expect(await systemClient`select invoice_id, status from dunning_cases`).toEqual([])
  })

  it('learns of the ledger what all books together say that Stripe holds, and nothing more', async () => {
    const { systemClient } = seeded.connections
    expect(await systemClient`select * from stripe_balance_of_all_books()`).toEqual([])
    await expect(systemClient`select * from ledger_transfers`).rejects.toThrow(/permission denied/)
    const asking = application().execute(sql.raw('select * from stripe_balance_of_all_books()'))
    expect(causeOf(await asking.catch((error: unknown) => error))).toMatch(/permission denied/)
    for (const table of ['reconciliations', 'reconciliation_differences', 'stripe_cursors']) {
      const reading = application().execute(sql.raw(`select * from ${table}`))
      expect(causeOf(await reading.catch((error: unknown) => error))).toMatch(/permission denied/)
    }
  })

  it('changes nothing of a payment but when it is looked at again', async () => {
    const { systemClient } = seeded.connections
    await expect(systemClient`update payments set status = 'succeeded'`).rejects.toThrow(/permission denied/)
    await expect(systemClient`delete from payments`).rejects.toThrow(/permission denied/)
    await expect(
      systemClient`insert into projects (project_id, name, currency) values ('prj_x', 'x', 'usd')`,
    ).rejects.toThrow(/permission denied/)
  })
})
