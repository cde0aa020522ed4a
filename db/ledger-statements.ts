import { and, asc, eq, gte, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import type { LedgerEntryId, PaymentId, ProjectId } from '../domain/ids.ts'
import { balanceOf, type LedgerAccount } from '../domain/ledger.ts'
import type { Transaction } from './client.ts'
import { ledgerEntries, ledgerTransfers } from './schema/index.ts'

/** Reading the ledger: balances and statements. */

export interface AccountBalance {
  account: LedgerAccount
  currency: string
  /** On the account's own side, in minor units: negative when it is overdrawn. */
  balance: number
}

export interface StatementFilter {
  account?: LedgerAccount | undefined
  userId?: string | undefined
  paymentId?: PaymentId | undefined
  /** From this time on, by the clock of what happened. */
  from?: Date | undefined
  /** Before this time. */
  to?: Date | undefined
}

export interface StatementEntry {
  entryId: LedgerEntryId
  intent: string
  userId: string
  paymentId: PaymentId | null
  invoiceId: string | null
  occurredAt: Date
  recordedAt: Date
  transfers: { debit: LedgerAccount; credit: LedgerAccount; amount: number; currency: string }[]
}

/** Where a page of a statement ended. */
export interface StatementPlace {
  createdAt: Date
  id: LedgerEntryId
}

/** What each account shows in each currency, of everything that happened before a time. */
export async function readBalances(
  transaction: Transaction,
  projectId: ProjectId,
  filter: StatementFilter,
): Promise<AccountBalance[]> {
  return balancesWhere(transaction, and(matches(projectId, filter)))
}

/** What an account showed before an entry, in each currency, over everything that the filter passes; `from` opens the
 *  statement and does not change what was there before. */
export async function readOpening(
  transaction: Transaction,
  projectId: ProjectId,
  { from: _opens, ...filter }: StatementFilter,
  before: StatementPlace,
): Promise<AccountBalance[]> {
  return balancesWhere(
    transaction,
    and(matches(projectId, filter), sql`${entryOrder} < ${placeOf(before)}`),
    filter.account,
  )
}

/** A page of entries with their transfers, in the order in which they happened. */
export async function listEntries(
  transaction: Transaction,
  projectId: ProjectId,
  filter: StatementFilter,
  { after, limit }: { after: StatementPlace | undefined; limit: number },
): Promise<StatementEntry[]> {
  const entries = await transaction
    .select()
    .from(ledgerEntries)
    .where(and(matches(projectId, filter), after && sql`${entryOrder} > ${placeOf(after)}`))
    .orderBy(asc(ledgerEntries.occurredAt), asc(ledgerEntries.entryId))
    .limit(limit)
  if (entries.length === 0) return []
  const ids = entries.map(({ entryId }) => entryId)
  const transfers = await transaction
    .select()
    .from(ledgerTransfers)
    .where(and(eq(ledgerTransfers.projectId, projectId), inArray(ledgerTransfers.entryId, ids)))
    .orderBy(asc(ledgerTransfers.position))
  const byEntry = new Map(ids.map((id) => [id, [] as StatementEntry['transfers']]))
  for (const { entryId, debitAccount, creditAccount, amount, currency } of transfers)
    byEntry.get(entryId)?.push({ debit: debitAccount, credit: creditAccount, amount, currency })
  return entries.map(({ projectId: _project, ...entry }) => ({
    ...entry,
    transfers: byEntry.get(entry.entryId) ?? [],
  }))
}

const entryOrder = sql`(${ledgerEntries.occurredAt}, ${ledgerEntries.entryId})`

const placeOf = ({ createdAt, id }: StatementPlace) => sql`(${createdAt.toISOString()}::timestamptz, ${id})`

const touches = (account: LedgerAccount) =>
  or(eq(ledgerTransfers.debitAccount, account), eq(ledgerTransfers.creditAccount, account))

function matches(projectId: ProjectId, filter: StatementFilter): SQL | undefined {
  const { account, userId, paymentId, from, to } = filter
  return and(
    eq(ledgerEntries.projectId, projectId),
    userId === undefined ? undefined : eq(ledgerEntries.userId, userId),
    paymentId === undefined ? undefined : eq(ledgerEntries.paymentId, paymentId),
    from && gte(ledgerEntries.occurredAt, from),
    to && lt(ledgerEntries.occurredAt, to),
    account &&
      sql`exists (select from ${ledgerTransfers} where ${ledgerTransfers.projectId} = ${ledgerEntries.projectId}
        and ${ledgerTransfers.entryId} = ${ledgerEntries.entryId} and ${touches(account)})`,
  )
}

/** Each pair of sides is summed up by the database, so that what comes back is as small as the list of accounts. */
async function balancesWhere(
  transaction: Transaction,
  where: SQL | undefined,
  only?: LedgerAccount,
): Promise<AccountBalance[]> {
  const moved = await transaction
    .select({
      debit: ledgerTransfers.debitAccount,
      credit: ledgerTransfers.creditAccount,
      currency: ledgerTransfers.currency,
      amount: sql<string>`sum(${ledgerTransfers.amount})`,
    })
    .from(ledgerTransfers)
    .innerJoin(
      ledgerEntries,
      and(
        eq(ledgerEntries.projectId, ledgerTransfers.projectId),
        eq(ledgerEntries.entryId, ledgerTransfers.entryId),
      ),
    )
    .where(and(where, only && touches(only)))
    .groupBy(ledgerTransfers.debitAccount, ledgerTransfers.creditAccount, ledgerTransfers.currency)
  const sums = new Map<
    string,
    { account: LedgerAccount; currency: string; debited: number; credited: number }
  >()
  const sumOf = (account: LedgerAccount, currency: string) => {
    const key = `${account} ${currency}`
    const sum = sums.get(key) ?? { account, currency, debited: 0, credited: 0 }
    sums.set(key, sum)
    return sum
  }
  for (const { debit, credit, currency, amount } of moved) {
    sumOf(debit, currency).debited += Number(amount)
    sumOf(credit, currency).credited += Number(amount)
  }
  return [...sums.values()]
    .filter(({ account }) => only === undefined || account === only)
    .map(({ account, currency, ...sum }) => ({ account, currency, balance: balanceOf(account, sum) }))
    .toSorted((a, b) => a.account.localeCompare(b.account) || a.currency.localeCompare(b.currency))
}
