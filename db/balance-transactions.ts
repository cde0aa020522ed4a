import { and, asc, desc, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { BalanceTransaction } from '../domain/balance-transactions.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { Money } from '../domain/money.ts'
import type { Database, Transaction } from './client.ts'
import { isPaidEntry } from './comparisons.ts'
import { isOfEntry } from './ledger.ts'
import {
  balanceTransactions,
  ledgerEntries,
  ledgerTransfers,
  payments,
  stripeCursors,
} from './schema/index.ts'

export type BalanceTransactionRow = typeof balanceTransactions.$inferSelect

/** Takes a balance transaction into the book of a project.
 *  @returns whether it was new. */
export async function insertBalanceTransaction(
  transaction: Transaction,
  { amount, source, ...taken }: BalanceTransaction,
  row: Pick<BalanceTransactionRow, 'projectId' | 'livemode' | 'userId' | 'state' | 'explainedBy'>,
): Promise<boolean> {
  const inserted = await transaction
    .insert(balanceTransactions)
    .values({
      ...row,
      balanceTransactionId: taken.balanceTransactionId,
      type: taken.type,
      reportingCategory: taken.reportingCategory,
      sourceId: source?.sourceId ?? null,
      amount: amount.amountMinor,
      fee: taken.feeMinor,
      net: taken.netMinor,
      currency: amount.currency,
      exchangeRate: taken.exchangeRate ?? null,
      createdAt: new Date(taken.createdAt),
      availableOn: new Date(taken.availableOn),
    })
    .onConflictDoNothing()
    .returning({ id: balanceTransactions.balanceTransactionId })
  return inserted.length > 0
}

/** Holds the row to the end of the transaction. */
export async function lockBalanceTransaction(
  transaction: Transaction,
  { projectId, balanceTransactionId }: Pick<BalanceTransactionRow, 'projectId' | 'balanceTransactionId'>,
): Promise<BalanceTransactionRow | undefined> {
  const [row] = await transaction
    .select()
    .from(balanceTransactions)
    .where(
      and(
        eq(balanceTransactions.projectId, projectId),
        eq(balanceTransactions.balanceTransactionId, balanceTransactionId),
      ),
    )
    .for('update')
  return row
}

export async function setState(
  transaction: Transaction,
  { projectId, balanceTransactionId }: Pick<BalanceTransactionRow, 'projectId' | 'balanceTransactionId'>,
  columns: Pick<BalanceTransactionRow, 'state' | 'explainedBy'>,
): Promise<void> {
  await transaction
    .update(balanceTransactions)
    .set(columns)
    .where(
      and(
        eq(balanceTransactions.projectId, projectId),
        eq(balanceTransactions.balanceTransactionId, balanceTransactionId),
      ),
    )
}

/** The intents of the entries in which a payment or an invoice was entered, if it was. */
export async function findPaidEntry(
  transaction: Transaction,
  projectId: ProjectId,
  { paymentIntentId, invoiceId }: { paymentIntentId?: string | undefined; invoiceId?: string | undefined },
): Promise<{ intent: string; userId: string } | undefined> {
  const columns = { intent: ledgerEntries.intent, userId: ledgerEntries.userId }
  if (paymentIntentId !== undefined) {
    const [entered] = await transaction
      .select(columns)
      .from(payments)
      .innerJoin(
        ledgerEntries,
        and(
          eq(ledgerEntries.projectId, payments.projectId),
          eq(ledgerEntries.intent, sql`${payments.paymentId} || '/succeeded'`),
        ),
      )
      .where(and(eq(payments.projectId, projectId), eq(payments.stripePaymentIntentId, paymentIntentId)))
    if (entered) return entered
  }
  if (invoiceId === undefined) return undefined
  const [entered] = await transaction
    .select(columns)
    .from(ledgerEntries)
    .where(and(eq(ledgerEntries.projectId, projectId), eq(ledgerEntries.invoiceId, invoiceId), isPaidEntry))
  return entered
}

/** The first of these entries that moved as much to or from the balance, and that explains nothing else yet. */
export async function findMovement(
  transaction: Transaction,
  projectId: ProjectId,
  { intents, amount }: { intents: string[]; amount: Money },
): Promise<{ intent: string; userId: string } | undefined> {
  const side = amount.amountMinor > 0 ? ledgerTransfers.debitAccount : ledgerTransfers.creditAccount
  const [entered] = await transaction
    .select({ intent: ledgerEntries.intent, userId: ledgerEntries.userId })
    .from(ledgerEntries)
    .innerJoin(ledgerTransfers, isOfEntry)
    .where(
      and(
        eq(ledgerEntries.projectId, projectId),
        inArray(ledgerEntries.intent, intents),
        eq(ledgerTransfers.currency, amount.currency),
        sql`not exists (select from ${balanceTransactions} where ${balanceTransactions.projectId} = ${projectId}
          and ${balanceTransactions.explainedBy} = ${ledgerEntries.intent})`,
      ),
    )
    .groupBy(ledgerEntries.intent, ledgerEntries.userId, ledgerEntries.recordedAt)
    .having(
      sql`sum(case when ${side} = 'stripe_balance' then ${ledgerTransfers.amount} else 0 end) = ${Math.abs(amount.amountMinor)}`,
    )
    .orderBy(asc(ledgerEntries.recordedAt))
    .limit(1)
  return entered
}

/** Those of which nobody has explained the money yet, over all books: first what waits for its owner, then what is suspended. */
export async function listUnexplained(
  system: Database,
  { livemode, limit, sourceIds }: { livemode: boolean; limit: number; sourceIds?: string[] | undefined },
): Promise<BalanceTransactionRow[]> {
  return system
    .select()
    .from(balanceTransactions)
    .where(
      and(
        eq(balanceTransactions.livemode, livemode),
        ne(balanceTransactions.state, 'explained'),
        sourceIds && inArray(balanceTransactions.sourceId, sourceIds),
      ),
    )
    .orderBy(desc(balanceTransactions.state), asc(balanceTransactions.takenInAt))
    .limit(limit)
}

/** What we know of these, over all books. */
export async function findBalanceTransactions(
  system: Database,
  ids: string[],
): Promise<BalanceTransactionRow[]> {
  if (ids.length === 0) return []
  return system
    .select()
    .from(balanceTransactions)
    .where(inArray(balanceTransactions.balanceTransactionId, ids))
}

/** Over all books, in the order of their ids. */
export async function listBalanceTransactions(
  system: Database,
  { livemode, after, limit }: { livemode: boolean; after: string; limit: number },
): Promise<BalanceTransactionRow[]> {
  return system
    .select()
    .from(balanceTransactions)
    .where(
      and(
        eq(balanceTransactions.livemode, livemode),
        sql`${balanceTransactions.balanceTransactionId} > ${after}`,
      ),
    )
    .orderBy(asc(balanceTransactions.balanceTransactionId))
    .limit(limit)
}

/** Payouts of which nobody has noted yet what they were made of. */
export async function listPayouts(
  system: Database,
  { livemode, limit }: { livemode: boolean; limit: number },
): Promise<BalanceTransactionRow[]> {
  return system
    .select()
    .from(balanceTransactions)
    .where(
      and(
        eq(balanceTransactions.livemode, livemode),
        eq(balanceTransactions.type, 'payout'),
        isNull(balanceTransactions.payoutId),
      ),
    )
    .orderBy(asc(balanceTransactions.takenInAt))
    .limit(limit)
}

export async function notePayout(system: Database, payoutId: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return
  await system
    .update(balanceTransactions)
    .set({ payoutId })
    .where(inArray(balanceTransactions.balanceTransactionId, ids))
}

export type StripeCursor = Pick<typeof stripeCursors.$inferSelect, 'newest' | 'oldest'>

const LIST = 'balance_transactions'

/** How far the list of balance transactions has been read. */
export async function readCursor(system: Database, livemode: boolean): Promise<StripeCursor | undefined> {
  const [row] = await system
    .select({ newest: stripeCursors.newest, oldest: stripeCursors.oldest })
    .from(stripeCursors)
    .where(and(eq(stripeCursors.name, LIST), eq(stripeCursors.livemode, livemode)))
  return row
}

export async function saveCursor(system: Database, livemode: boolean, cursor: StripeCursor): Promise<void> {
  await system
    .insert(stripeCursors)
    .values({ name: LIST, livemode, ...cursor })
    .onConflictDoUpdate({
      target: [stripeCursors.name, stripeCursors.livemode],
      set: { ...cursor, updatedAt: sql`now()` },
    })
}

/** Stripe does not know any more what the cursor names: the list is read anew, which takes in nothing twice. */
export async function forgetCursor(system: Database, livemode: boolean): Promise<void> {
  await system
    .delete(stripeCursors)
    .where(and(eq(stripeCursors.name, LIST), eq(stripeCursors.livemode, livemode)))
}

/** What all books together say that Stripe holds, by currency. */
export async function readLedgerBalance(system: Database): Promise<Map<string, number>> {
  const rows = await system.execute<{ currency: string; amount_minor: string }>(
    sql`select currency, amount_minor from stripe_balance_of_all_books()`,
  )
  return new Map(rows.map((row) => [row.currency, Number(row.amount_minor)]))
}

/** What has been taken in and waits for its owner to enter it, by currency. */
export async function sumWaiting(system: Database, livemode: boolean): Promise<Map<string, number>> {
  const rows = await system
    .select({
      currency: balanceTransactions.currency,
      amount: sql<string>`sum(${balanceTransactions.amount})`,
    })
    .from(balanceTransactions)
    .where(and(eq(balanceTransactions.livemode, livemode), eq(balanceTransactions.state, 'waiting')))
    .groupBy(balanceTransactions.currency)
  return new Map(rows.map(({ currency, amount }) => [currency, Number(amount)]))
}
