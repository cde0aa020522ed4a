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
import type { DisputeStatus } from '../../domain/disputes.ts'
import type {
  CustomerId,
  DisputeId,
  PaymentId,
  ProjectId,
  RefundId,
  SubscriptionId,
} from '../../domain/ids.ts'
import type { RefundOrigin, RefundPolicy, RefundStatus } from '../../domain/refunds.ts'
import { amountMinor, currencyCode, instant, recordedNow } from './columns.ts'
import { customers } from './payments.ts'
import { projects } from './projects.ts'

/** Money that was captured and that somebody wants back: its row is the lock under which refunds are reckoned. */
export const charges = pgTable(
  'charges',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    stripeChargeId: text('stripe_charge_id').notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    livemode: boolean('livemode').notNull(),
    /** What it paid for: a checkout, a renewal, or the checkout of a subscription, which is all three. */
    type: text('type').$type<PaymentType>().notNull(),
    paymentId: text('payment_id').$type<PaymentId>(),
    subscriptionId: text('subscription_id').$type<SubscriptionId>(),
    invoiceId: text('invoice_id'),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    /** What of it is tax. */
    tax: amountMinor('tax_minor').notNull().default(0),
    capturedAt: instant('captured_at').notNull(),
    correlationId: text('correlation_id').notNull(),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.stripeChargeId] }),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [customers.projectId, customers.customerId],
    }),
  ],
)

/** Money that goes back, or is to go back, to a customer. */
export const refunds = pgTable(
  'refunds',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    refundId: text('refund_id').$type<RefundId>().notNull(),
    stripeChargeId: text('stripe_charge_id').notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    livemode: boolean('livemode').notNull(),
    paymentId: text('payment_id').$type<PaymentId>(),
    subscriptionId: text('subscription_id').$type<SubscriptionId>(),
    invoiceId: text('invoice_id'),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    /** What of it stands for credits that were taken back: they were owed, and are no more. */
    creditShare: amountMinor('credit_share_minor').notNull().default(0),
    /** What of it is tax; known once Stripe has made it. */
    taxShare: amountMinor('tax_share_minor').notNull().default(0),
    reason: text('reason'),
    status: text('status').$type<RefundStatus>().notNull(),
    failureCode: text('failure_code'),
    origin: text('origin').$type<RefundOrigin>().notNull(),
    /** What becomes of the subscription when this refund has succeeded. */
    subscriptionAction: text('subscription_action').$type<RefundPolicy['subscription']>().notNull(),
    requestedBy: text('requested_by').notNull(),
    requestedAt: instant('requested_at').notNull(),
    /** The second person, where one was needed. */
    decidedBy: text('decided_by'),
    decidedAt: instant('decided_at'),
    decisionReason: text('decision_reason'),
    stripeRefundId: text('stripe_refund_id'),
    stripeCreditNoteId: text('stripe_credit_note_id'),
    correlationId: text('correlation_id').notNull(),
    /** When the sweep tells the workflow, should whoever wrote the row have died before doing so. */
    startDueAt: instant('start_due_at')
      .notNull()
      .default(sql`now() + interval '15 seconds'`),
    createdAt: recordedNow('created_at'),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.refundId] }),
    foreignKey({
      columns: [table.projectId, table.stripeChargeId],
      foreignColumns: [charges.projectId, charges.stripeChargeId],
    }),
    uniqueIndex('refunds_at_stripe').on(table.projectId, table.stripeRefundId),
    index('refunds_of_charge').on(table.projectId, table.stripeChargeId),
    index('refunds_of_project').on(table.projectId, table.livemode, table.createdAt, table.refundId),
    index('refunds_not_started')
      .on(table.startDueAt)
      .where(sql`${table.status} = 'pending' and ${table.stripeRefundId} is null`),
    check('refunds_amount', sql`${table.amount} > 0`),
  ],
)

/** Money that a customer's bank wants back. */
export const disputes = pgTable(
  'disputes',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    disputeId: text('dispute_id').$type<DisputeId>().notNull(),
    stripeDisputeId: text('stripe_dispute_id').notNull(),
    stripeChargeId: text('stripe_charge_id').notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    livemode: boolean('livemode').notNull(),
    paymentId: text('payment_id').$type<PaymentId>(),
    subscriptionId: text('subscription_id').$type<SubscriptionId>(),
    invoiceId: text('invoice_id'),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    reason: text('reason').notNull(),
    status: text('status').$type<DisputeStatus>().notNull(),
    evidenceDueAt: instant('evidence_due_at'),
    openedAt: instant('opened_at').notNull(),
    closedAt: instant('closed_at'),
    /** Whether the bank has the money now. */
    isWithdrawn: boolean('is_withdrawn').notNull().default(false),
    /** How often money has gone to and fro: names each movement. */
    movements: integer('movements').notNull().default(0),
    correlationId: text('correlation_id').notNull(),
    createdAt: recordedNow('created_at'),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.disputeId] }),
    foreignKey({
      columns: [table.projectId, table.stripeChargeId],
      foreignColumns: [charges.projectId, charges.stripeChargeId],
    }),
    uniqueIndex('disputes_at_stripe').on(table.projectId, table.stripeDisputeId),
    index('disputes_of_project').on(table.projectId, table.livemode, table.createdAt, table.disputeId),
  ],
)

/** What a project does about refunds and disputes; every setting is a version. */
export const refundPolicies = pgTable(
  'refund_policies',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    version: integer('version').notNull(),
    policy: jsonb('policy').$type<RefundPolicy>().notNull(),
    setBy: text('set_by').notNull(),
    createdAt: recordedNow('created_at'),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.version] })],
)
