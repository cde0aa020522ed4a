import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { LotKind, MovementKind, TopUpStatus } from '../../domain/credits.ts'
import type { ClockId, CustomerId, PaymentId, ProjectId, WalletTransactionId } from '../../domain/ids.ts'
import { amountMinor, instant, recordedNow } from './columns.ts'
import { customers } from './payments.ts'
import { products } from './projects.ts'

/** The credits of a user, in micro-dollars. Its row's lock orders all that happens to them. */
export const wallets = pgTable(
  'wallets',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    livemode: boolean('livemode').notNull(),
    /** The customer's, which never changes: consuming must not look further than here. */
    clockId: text('clock_id').$type<ClockId>(),
    /** What all lots hold together. */
    balance: amountMinor('balance').notNull().default(0),
    /** How many movements there have been: the number of the last. */
    movements: integer('movements').notNull().default(0),
    lockedAt: instant('locked_at'),
    lockReason: text('lock_reason'),
    /** Consuming leaves at least this much. */
    minimumBalance: amountMinor('minimum_balance').notNull().default(0),
    lowBalanceThreshold: amountMinor('low_balance_threshold'),
    /** Since when the balance is known to be below the threshold: it is told once per crossing. */
    lowSince: instant('low_since'),
    /** What is bought when the balance falls below the top-up's threshold; null where nothing is. */
    topUpProductId: text('top_up_product_id'),
    topUpThreshold: amountMinor('top_up_threshold'),
    topUpMaxPerDay: integer('top_up_max_per_day'),
    /** Why nothing is topped up any more until somebody sets it anew: a declined card is not charged again and again. */
    topUpStopped: text('top_up_stopped'),
    /** When the sweep tells the workflow that watches for expiry; null where it knows all. */
    expiryDueAt: instant('expiry_due_at'),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.customerId] }),
    uniqueIndex('wallets_of_user').on(table.projectId, table.userId, table.livemode),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [customers.projectId, customers.customerId],
    }),
    foreignKey({
      columns: [table.projectId, table.topUpProductId],
      foreignColumns: [products.projectId, products.productId],
    }),
    index('wallets_expiry_due')
      .on(table.expiryDueAt)
      .where(sql`${table.expiryDueAt} is not null`),
    check('wallets_balance', sql`${table.balance} >= 0`),
  ],
)

/** Credits that came together: they share their origin, their expiry and their price. */
export const creditLots = pgTable(
  'credit_lots',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    /** The number of the movement that brought it. */
    number: integer('number').notNull(),
    kind: text('kind').$type<LotKind>().notNull(),
    amount: amountMinor('amount').notNull(),
    takenBack: amountMinor('taken_back').notNull().default(0),
    remaining: amountMinor('remaining').notNull(),
    expiresAt: instant('expires_at'),
    /** When nothing was left of it. Beside `remaining`, so that no index holds what changes with each consumption. */
    emptyAt: instant('empty_at'),
    paymentId: text('payment_id').$type<PaymentId>(),
    price: amountMinor('price_minor'),
    currency: text('currency'),
    earned: amountMinor('earned_minor').notNull().default(0),
    refunded: amountMinor('refunded_minor').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.customerId, table.number] }),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [wallets.projectId, wallets.customerId],
    }),
    index('credit_lots_open')
      .on(table.projectId, table.customerId, table.expiresAt, table.number)
      .where(sql`${table.emptyAt} is null`),
    uniqueIndex('credit_lots_of_payment')
      .on(table.projectId, table.paymentId)
      .where(sql`${table.paymentId} is not null`),
    check('credit_lots_amount', sql`${table.amount} > 0`),
    check(
      'credit_lots_remaining',
      sql`${table.remaining} between 0 and ${table.amount} - ${table.takenBack}`,
    ),
    check('credit_lots_empty', sql`(${table.remaining} = 0) = (${table.emptyAt} is not null)`),
    check(
      'credit_lots_price',
      sql`${table.earned} >= 0 and ${table.refunded} >= 0 and ${table.earned} + ${table.refunded} <= coalesce(${table.price}, 0)`,
    ),
  ],
)

/** Which lots a movement touched, and by how much. */
export interface TouchedLot {
  number: number
  credits: number
}

/** Every movement of a wallet, numbered without gaps. Append-only by grant and by trigger: it is its own audit. */
export const walletTransactions = pgTable(
  'wallet_transactions',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    /** Made from what the movement is for, so that the same usage, grant or payment can move credits only once. */
    transactionId: text('transaction_id').$type<WalletTransactionId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    number: integer('number').notNull(),
    kind: text('kind').$type<MovementKind>().notNull(),
    /** Negative where credits went. */
    amount: amountMinor('amount').notNull(),
    balanceAfter: amountMinor('balance_after').notNull(),
    /** What it is for: a usage, a grant, an adjustment, a payment, a refund. */
    reference: text('reference').notNull(),
    description: text('description'),
    lots: jsonb('lots').$type<TouchedLot[]>().notNull(),
    /** The money that a purchase cost, or that a refund gives back. */
    moneyMinor: amountMinor('money_minor'),
    moneyCurrency: text('money_currency'),
    actor: text('actor').notNull(),
    correlationId: text('correlation_id').notNull(),
    /** By the clock of the customer. */
    occurredAt: instant('occurred_at').notNull(),
    recordedAt: recordedNow('recorded_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.transactionId] }),
    uniqueIndex('wallet_transactions_number').on(table.projectId, table.customerId, table.number),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [wallets.projectId, wallets.customerId],
    }),
    check('wallet_transactions_amount', sql`${table.amount} <> 0`),
  ],
)

/** A pack that a wallet buys by itself. A row before anybody is told, and the payment's id before there is a payment. */
export const topUps = pgTable(
  'top_ups',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    paymentId: text('payment_id').$type<PaymentId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    productId: text('product_id').notNull(),
    /** It is needed as long as the wallet holds less. */
    wantedBalance: amountMinor('wanted_balance').notNull(),
    status: text('status').$type<TopUpStatus>().notNull(),
    /** The card that is charged: fixed before it is, because a repeated charge must be the same. */
    paymentMethodId: text('payment_method_id'),
    failureCode: text('failure_code'),
    correlationId: text('correlation_id').notNull(),
    /** By the clock of the customer: so many in a day. */
    requestedAt: instant('requested_at').notNull(),
    endedAt: instant('ended_at'),
    /** When the sweep starts its workflow. */
    startDueAt: instant('start_due_at')
      .notNull()
      .default(sql`now()`),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.paymentId] }),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [wallets.projectId, wallets.customerId],
    }),
    // One at a time, whoever asks.
    uniqueIndex('top_ups_open')
      .on(table.projectId, table.customerId)
      .where(sql`${table.endedAt} is null`),
    index('top_ups_of_wallet').on(table.projectId, table.customerId, table.requestedAt),
    index('top_ups_not_started')
      .on(table.startDueAt)
      .where(sql`${table.endedAt} is null`),
  ],
)
