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
import type { PaymentType } from '../../domain/catalog.ts'
import type { ChargeAttempt, PaymentStatus } from '../../domain/checkout.ts'
import type {
  ClockId,
  CustomerId,
  DisputeId,
  PaymentId,
  ProjectId,
  RefundId,
  SubscriptionId,
} from '../../domain/ids.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import { amountMinor, currencyCode, instant, recordedNow } from './columns.ts'
import { testClocks } from './clocks.ts'
import { plans, products, projects } from './projects.ts'

/** A payer in a project. The only tenant table that holds personal data, so that it can be erased in one place. */
export const customers = pgTable(
  'customers',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    email: text('email'),
    livemode: boolean('livemode').notNull(),
    stripeCustomerId: text('stripe_customer_id'),
    /** Chosen with the first payment, and never changed: Stripe takes it only when the customer is made. */
    clockId: text('clock_id').$type<ClockId>(),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.customerId] }),
    uniqueIndex('customers_user').on(table.projectId, table.userId, table.livemode),
    foreignKey({
      columns: [table.projectId, table.clockId],
      foreignColumns: [testClocks.projectId, testClocks.clockId],
    }),
    check('customers_of_projects', sql`${table.projectId} <> ${sql.raw(`'${ACCOUNT_BOOK}'`)}`),
  ],
)

/** One attempt to collect money through checkout. */
export const payments = pgTable(
  'payments',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    paymentId: text('payment_id').$type<PaymentId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    livemode: boolean('livemode').notNull(),
    type: text('type').$type<PaymentType>().notNull(),
    status: text('status').$type<PaymentStatus>().notNull(),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    amountReceived: amountMinor('amount_received_minor').notNull().default(0),
    amountRefunded: amountMinor('amount_refunded_minor').notNull().default(0),
    quantity: integer('quantity').notNull(),
    planId: text('plan_id'),
    planVersion: integer('plan_version'),
    productId: text('product_id'),
    description: text('description'),
    /** Minted with the payment, so that Stripe's metadata names it before it exists. */
    subscriptionId: text('subscription_id').$type<SubscriptionId>(),
    successUrl: text('success_url').notNull(),
    cancelUrl: text('cancel_url').notNull(),
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull(),
    correlationId: text('correlation_id').notNull(),
    failureCode: text('failure_code'),
    stripeCheckoutSessionId: text('stripe_checkout_session_id'),
    checkoutUrl: text('checkout_url'),
    sessionOpenedAt: instant('session_opened_at'),
    sessionExpiresAt: instant('session_expires_at'),
    stripePaymentIntentId: text('stripe_payment_intent_id'),
    stripeInvoiceId: text('stripe_invoice_id'),
    /** When the sweep tells the workflow, should whoever wrote the row have died before doing so. */
    startDueAt: instant('start_due_at')
      .notNull()
      .default(sql`now() + interval '15 seconds'`),
    createdAt: recordedNow('created_at'),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.paymentId] }),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [customers.projectId, customers.customerId],
    }),
    foreignKey({
      columns: [table.projectId, table.planId, table.planVersion],
      foreignColumns: [plans.projectId, plans.planId, plans.version],
    }),
    foreignKey({
      columns: [table.projectId, table.productId],
      foreignColumns: [products.projectId, products.productId],
    }),
    index('payments_of_user').on(table.projectId, table.userId, table.createdAt),
    index('payments_of_project').on(table.projectId, table.livemode, table.createdAt, table.paymentId),
    index('payments_not_started')
      .on(table.startDueAt)
      .where(sql`${table.status} = 'pending' and ${table.stripeCheckoutSessionId} is null`),
    check('payments_amount', sql`${table.amount} >= 0`),
    check('payments_refunded', sql`${table.amountRefunded} between 0 and ${table.amountReceived}`),
  ],
)

/** Each try to charge, with what came of it. */
export const paymentAttempts = pgTable(
  'payment_attempts',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    paymentId: text('payment_id').$type<PaymentId>().notNull(),
    stripeChargeId: text('stripe_charge_id').notNull(),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    outcome: text('outcome').$type<ChargeAttempt['outcome']>().notNull(),
    declineCode: text('decline_code'),
    adviceCode: text('advice_code'),
    attemptedAt: instant('attempted_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.paymentId, table.stripeChargeId] }),
    foreignKey({
      columns: [table.projectId, table.paymentId],
      foreignColumns: [payments.projectId, payments.paymentId],
    }),
  ],
)

/** Which of our objects owns an object of Stripe's; it leads an event without metadata to its owner. */
export const stripeObjects = pgTable(
  'stripe_objects',
  {
    stripeId: text('stripe_id').notNull(),
    /** Stripe's account; empty for the installation's own. */
    account: text('account').notNull().default(''),
    livemode: boolean('livemode').notNull(),
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    ownerId: text('owner_id')
      .$type<PaymentId | SubscriptionId | CustomerId | RefundId | DisputeId>()
      .notNull(),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.stripeId, table.account, table.livemode] }),
    index('stripe_objects_of_owner').on(table.projectId, table.ownerId),
  ],
)
