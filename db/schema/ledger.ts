import { sql } from 'drizzle-orm'
import {
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { LedgerEntryId, PaymentId, ProjectId } from '../../domain/ids.ts'
import type { Asset, LedgerAccount } from '../../domain/ledger.ts'
import { amountMinor, currencyCode, instant, recordedNow } from './columns.ts'
import { projects } from './projects.ts'

/** Why money moved. Append-only by grant and by trigger. */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    entryId: text('entry_id').$type<LedgerEntryId>().notNull(),
    /** `pay_…/succeeded`: the same movement cannot be entered twice. */
    intent: text('intent').notNull(),
    /** Empty for what concerns no user, as a payout. */
    userId: text('user_id').notNull(),
    /** What was paid, where that is known: the statement of a payment or an invoice is found by it. */
    paymentId: text('payment_id').$type<PaymentId>(),
    invoiceId: text('invoice_id'),
    occurredAt: instant('occurred_at').notNull(),
    recordedAt: recordedNow('recorded_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.entryId] }),
    uniqueIndex('ledger_entries_intent').on(table.projectId, table.intent),
    index('ledger_entries_in_order').on(table.projectId, table.occurredAt, table.entryId),
    index('ledger_entries_of_user').on(table.projectId, table.userId, table.occurredAt),
    index('ledger_entries_of_payment')
      .on(table.projectId, table.paymentId)
      .where(sql`${table.paymentId} is not null`),
  ],
)

/** How much moved from where to where. Naming both sides balances it by construction. */
export const ledgerTransfers = pgTable(
  'ledger_transfers',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    entryId: text('entry_id').$type<LedgerEntryId>().notNull(),
    position: integer('position').notNull(),
    debitAccount: text('debit_account').$type<LedgerAccount>().notNull(),
    creditAccount: text('credit_account').$type<LedgerAccount>().notNull(),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode().$type<Asset>(),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.entryId, table.position] }),
    foreignKey({
      columns: [table.projectId, table.entryId],
      foreignColumns: [ledgerEntries.projectId, ledgerEntries.entryId],
    }),
    check('ledger_transfers_amount', sql`${table.amount} > 0`),
    check('ledger_transfers_sides', sql`${table.debitAccount} <> ${table.creditAccount}`),
  ],
)
