import { and, asc, eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject, type Transaction } from '../../db/client.ts'
import { enterLedger, isOfEntry, type LedgerEntry } from '../../db/ledger.ts'
import { deriveId } from '../../db/mint-id.ts'
import { ledgerEntries, ledgerTransfers } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { Transfer } from '../../domain/ledger.ts'
import { currency, money } from '../../domain/money.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'

let seeded: Seeded
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
})

const received: Transfer[] = [
  { debit: 'stripe_balance', credit: 'revenue', amount: money(9_000, currency('brl')) },
  { debit: 'stripe_balance', credit: 'tax', amount: money(900, currency('brl')) },
]
const paid = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  projectId,
  userId: 'ada',
  intent: 'pay_1/succeeded',
  paymentId: deriveId('pay', 'ledger'),
  invoiceId: 'in_1',
  occurredAt: new Date('2027-01-10T10:00:00Z'),
  transfers: received,
  ...more,
})

const inTenant = <Result>(work: (transaction: Transaction) => Promise<Result>) =>
  inProject(seeded.connections.application, projectId, work)
const enter = (...entries: LedgerEntry[]) =>
  inTenant(async (transaction) => {
    for (const entry of entries) await enterLedger(transaction, entry)
  })
const entered = () =>
  inTenant((transaction) => transaction.select().from(ledgerEntries).orderBy(asc(ledgerEntries.intent)))
/** The transfers of an entry, as its statement shows them. */
const transfersOf = (intent: string) =>
  inTenant((transaction) =>
    transaction
      .select({
        debit: ledgerTransfers.debitAccount,
        credit: ledgerTransfers.creditAccount,
        amountMinor: ledgerTransfers.amount,
        currency: ledgerTransfers.currency,
      })
      .from(ledgerEntries)
      .innerJoin(ledgerTransfers, isOfEntry)
      .where(and(eq(ledgerEntries.projectId, projectId), eq(ledgerEntries.intent, intent)))
      .orderBy(asc(ledgerTransfers.position)),
  )
const rows = (transfers: Transfer[]) => transfers.map(({ amount, ...sides }) => ({ ...sides, ...amount }))

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNIQUE_VIOLATION = '23505'

describe('an entry of the ledger', () => {
  it('says what moved, for whom and for what, with its transfers in their order', async () => {
    await enter(paid())
    const { transfers, ...said } = paid()
    expect(await entered()).toMatchObject([said])
    expect(await transfersOf('pay_1/succeeded')).toEqual(rows(transfers))
  })

  it('has the transfers of no other', async () => {
    const back: Transfer[] = [
      { debit: 'refunds', credit: 'stripe_balance', amount: money(100, currency('brl')) },
    ]
    await enter(paid(), paid({ intent: 'rfd_1/succeeded', transfers: back }))
    expect(await transfersOf('rfd_1/succeeded')).toEqual(rows(back))
    expect(await transfersOf('pay_1/succeeded')).toEqual(rows(received))
  })

  it('goes by an id that its project and its intent always lead to', async () => {
    await enter(paid())
    const [first] = await entered()
    expect(first?.entryId).toBe(deriveId('le', projectId, 'pay_1/succeeded'))
  })

  it('is none where nothing moved', async () => {
    await enter(paid({ transfers: [] }))
    expect(await entered()).toEqual([])
  })

  it('is refused a second time, and nothing of it is entered then', async () => {
    await enter(paid())
    await expect(enter(paid({ userId: 'bob' }))).rejects.toMatchObject({
      cause: { code: UNIQUE_VIOLATION },
    })
    expect(await entered()).toHaveLength(1)
    expect(await transfersOf('pay_1/succeeded')).toHaveLength(2)
  })
})
