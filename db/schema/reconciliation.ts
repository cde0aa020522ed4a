import { sql } from 'drizzle-orm'
import {
  boolean,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { ProjectId } from '../../domain/ids.ts'
import type {
  DifferenceKind,
  DifferenceStatus,
  Finding,
  ReconciliationStatus,
  Stage,
} from '../../domain/reconciliation.ts'
import { amountMinor, currencyCode, instant, recordedNow } from './columns.ts'
import { projects } from './projects.ts'

/** Each change of Stripe's balance, in the book of the project whose money it is, or of the account's own. */
export const balanceTransactions = pgTable(
  'balance_transactions',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    balanceTransactionId: text('balance_transaction_id').notNull(),
    livemode: boolean('livemode').notNull(),
    type: text('type').notNull(),
    reportingCategory: text('reporting_category').notNull(),
    sourceId: text('source_id'),
    amount: amountMinor('amount_minor').notNull(),
    fee: amountMinor('fee_minor').notNull(),
    net: amountMinor('net_minor').notNull(),
    currency: currencyCode(),
    exchangeRate: doublePrecision('exchange_rate'),
    /** The payout that it was part of. */
    payoutId: text('payout_id'),
    /** By Stripe's clock, which may be a test clock's. */
    createdAt: instant('created_at').notNull(),
    availableOn: instant('available_on').notNull(),
    userId: text('user_id').notNull(),
    /** `waiting` until what it moves has been entered by its owner, `suspended` while that takes too long. */
    state: text('state').$type<'explained' | 'waiting' | 'suspended'>().notNull(),
    /** The ledger entry that explains its money. */
    explainedBy: text('explained_by'),
    takenInAt: recordedNow('taken_in_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.balanceTransactionId] }),
    uniqueIndex('balance_transactions_at_stripe').on(table.balanceTransactionId),
    index('balance_transactions_of_source').on(table.projectId, table.sourceId),
    index('balance_transactions_unexplained')
      .on(table.takenInAt)
      .where(sql`${table.state} <> 'explained'`),
  ],
)

/** How far a list of Stripe's has been read for good. */
export const stripeCursors = pgTable(
  'stripe_cursors',
  {
    name: text('name').notNull(),
    livemode: boolean('livemode').notNull(),
    /** The newest that has been read: what comes next is newer. */
    newest: text('newest').notNull(),
    /** While the past is read, the oldest so far; null once it has all been read. */
    oldest: text('oldest'),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [primaryKey({ columns: [table.name, table.livemode] })],
)

/** Each comparison of Stripe's books with ours, and how far it has come. */
export const reconciliations = pgTable(
  'reconciliations',
  {
    reconciliationId: text('reconciliation_id').primaryKey(),
    livemode: boolean('livemode').notNull(),
    status: text('status').$type<ReconciliationStatus>().notNull(),
    /** An operator, or `schedule`. */
    requestedBy: text('requested_by').notNull(),
    stage: text('stage').$type<Stage>().notNull(),
    /** Where in the stage. */
    cursor: text('cursor'),
    /** Where the walk was broken off, because there were no more calls: the next run goes on from there. */
    brokenOffAt: jsonb('broken_off_at').$type<{ stage: Stage; cursor: string | null }>(),
    calls: integer('calls').notNull().default(0),
    compared: integer('compared').notNull().default(0),
    /** What on the same Stripe account is none of ours. */
    foreign: integer('foreign').notNull().default(0),
    balances:
      jsonb('balances').$type<{ currency: string; ours: number; waiting: number; stripes: number }[]>(),
    startedAt: recordedNow('started_at'),
    updatedAt: recordedNow('updated_at'),
    endedAt: instant('ended_at'),
  },
  (table) => [
    uniqueIndex('reconciliations_running')
      .on(table.livemode)
      .where(sql`${table.status} = 'running'`),
    index('reconciliations_in_order').on(table.startedAt, table.reconciliationId),
  ],
)

export const reconciliationDifferences = pgTable(
  'reconciliation_differences',
  {
    reconciliationId: text('reconciliation_id').notNull(),
    /** The kind, and the object that differs. */
    key: text('key').notNull(),
    projectId: text('project_id').$type<ProjectId>().notNull(),
    kind: text('kind').$type<DifferenceKind>().notNull(),
    status: text('status').$type<DifferenceStatus>().notNull(),
    finding: jsonb('finding').$type<Finding>().notNull(),
    foundAt: recordedNow('found_at'),
    settledAt: instant('settled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.reconciliationId, table.key] }),
    foreignKey({
      columns: [table.reconciliationId],
      foreignColumns: [reconciliations.reconciliationId],
    }),
    index('reconciliation_differences_found')
      .on(table.reconciliationId)
      .where(sql`${table.status} = 'found'`),
  ],
)

/** What a running comparison has seen at Stripe, so that what is ours alone can be told. Emptied when it ends. */
export const reconciliationSightings = pgTable(
  'reconciliation_sightings',
  {
    reconciliationId: text('reconciliation_id').notNull(),
    stripeId: text('stripe_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.reconciliationId, table.stripeId] })],
)
