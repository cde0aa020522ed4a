import { randomUUID } from 'node:crypto'
import { inProject } from '../../db/client.ts'
import { enterLedger } from '../../db/ledger.ts'
import { mintId } from '../../db/mint-id.ts'
import { currency, money } from '../../domain/money.ts'
import { load, percentilesOf } from '../load.ts'
import { percentileFigures, type Row } from '../row.ts'

const COUNT = 3_000
const AT_ONCE = 16

const entered = 'entries'
const gross = money(9_900, currency('brl'))
const fee = money(317, currency('brl'))

/** Each in a transaction of its own, as payments enter theirs: two transfers with why they moved. */
export const ledger: Row = {
  id: 'B5',
  name: `Ledger entries of two transfers, each committed, ${AT_ONCE} at once`,
  bareProgram:
    'the same rows by two INSERTs in one trip, in a transaction (a COPY of so few rows is many times slower in this client), into tables without row-level security, triggers, checks and all indexes but the primary key',
  figures: [
    ...percentileFigures('entry', {}),
    { name: entered, unit: 'per second', aim: { ratioAtLeast: 0.3 } },
  ],

  async prepare({ ours, bare }) {
    const { projectId } = ours.project
    await bare.sql`create table ledger_entries (project_id text, entry_id text, intent text not null, user_id text not null,
      occurred_at timestamptz not null, recorded_at timestamptz not null default now(), primary key (project_id, entry_id))`
    await bare.sql`create table ledger_transfers (project_id text, entry_id text, position integer, debit_account text not null,
      credit_account text not null, amount_minor bigint not null, currency text not null, primary key (project_id, entry_id, position))`
    const measure = async (enter: () => Promise<unknown>) => {
      const measured = await load({ count: COUNT, atOnce: AT_ONCE }, async () => {
        await enter()
      })
      return { ...percentilesOf(measured, 'entry'), [entered]: measured.perSecond }
    }
    return {
      ours: () =>
        measure(() =>
          inProject(ours.connections.application, projectId, (transaction) =>
            enterLedger(transaction, {
              projectId,
              userId: 'measured',
              intent: `${randomUUID()}/measured`,
              occurredAt: new Date(),
              transfers: [
                { debit: 'stripe_balance', credit: 'revenue', amount: gross },
                { debit: 'fees', credit: 'stripe_balance', amount: fee },
              ],
            }),
          ),
        ),
      bare: () =>
        measure(() =>
          bare.sql.begin(async (sql) => {
            const entryId = mintId('le')
            const intent = `${randomUUID()}/measured`
            // In one trip, as ours does it.
            await Promise.all([
              sql`insert into ledger_entries (project_id, entry_id, intent, user_id, occurred_at)
                values (${projectId}, ${entryId}, ${intent}, 'measured', ${new Date()})`,
              sql`insert into ledger_transfers (project_id, entry_id, position, debit_account, credit_account, amount_minor, currency)
                values (${projectId}, ${entryId}, 0, 'stripe_balance', 'revenue', ${gross.amountMinor}, 'brl'),
                  (${projectId}, ${entryId}, 1, 'fees', 'stripe_balance', ${fee.amountMinor}, 'brl')`,
            ])
          }),
        ),
    }
  },
}
