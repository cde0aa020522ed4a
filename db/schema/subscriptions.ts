import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { CommandKind, CommandRefusal } from '../../domain/commands.ts'
import type { CustomerId, PaymentId, ProjectId, SubscriptionId } from '../../domain/ids.ts'
import type { PendingChange, SubscriptionStatus } from '../../domain/subscription.ts'
import { instant, recordedNow } from './columns.ts'
import { customers, payments } from './payments.ts'
import { plans } from './projects.ts'

export const subscriptions = pgTable(
  'subscriptions',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    subscriptionId: text('subscription_id').$type<SubscriptionId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    userId: text('user_id').notNull(),
    paymentId: text('payment_id').$type<PaymentId>().notNull(),
    livemode: boolean('livemode').notNull(),
    planId: text('plan_id').notNull(),
    planVersion: integer('plan_version').notNull(),
    quantity: integer('quantity').notNull(),
    status: text('status').$type<SubscriptionStatus>().notNull(),
    currentPeriodStart: instant('current_period_start').notNull(),
    currentPeriodEnd: instant('current_period_end').notNull(),
    cancelAtPeriodEnd: boolean('cancel_at_period_end').notNull(),
    trialEnd: instant('trial_end'),
    endedAt: instant('ended_at'),
    /** The grace of an unpaid invoice is over: no access until it is paid, although retries may go on. */
    graceEnded: boolean('grace_ended').notNull().default(false),
    pausedUntil: instant('paused_until'),
    /** A change of plan that has been asked for and does not count yet. */
    pendingChange: jsonb('pending_change').$type<PendingChange>(),
    /** Set before Stripe is told to end it: from then on nothing may be charged. */
    closingAt: instant('closing_at'),
    stripeSubscriptionId: text('stripe_subscription_id').notNull(),
    /** The last invoice of a later period whose payment has been entered. */
    paidInvoiceId: text('paid_invoice_id'),
    /** Counts the changes that have been written. */
    revision: integer('revision').notNull(),
    createdAt: recordedNow('created_at'),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.subscriptionId] }),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [customers.projectId, customers.customerId],
    }),
    foreignKey({
      columns: [table.projectId, table.paymentId],
      foreignColumns: [payments.projectId, payments.paymentId],
    }),
    foreignKey({
      columns: [table.projectId, table.planId, table.planVersion],
      foreignColumns: [plans.projectId, plans.planId, plans.version],
    }),
    uniqueIndex('subscriptions_stripe').on(table.stripeSubscriptionId, table.livemode),
    index('subscriptions_of_user').on(table.projectId, table.userId, table.createdAt),
  ],
)

/** What people asked a subscription to do. The row says that it was done, whatever a workflow is made to do again. */
export const subscriptionCommands = pgTable(
  'subscription_commands',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    subscriptionId: text('subscription_id').$type<SubscriptionId>().notNull(),
    /** Of the update that asked for it: the same when it is asked again. */
    commandId: text('command_id').notNull(),
    kind: text('kind').$type<CommandKind>().notNull(),
    requestedBy: text('requested_by').notNull(),
    reason: text('reason'),
    startedAt: instant('started_at').notNull(),
    /** Null while it is being done. */
    finishedAt: instant('finished_at'),
    /** Why it was not done. */
    refusal: jsonb('refusal').$type<CommandRefusal>(),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.subscriptionId, table.commandId] }),
    foreignKey({
      columns: [table.projectId, table.subscriptionId],
      foreignColumns: [subscriptions.projectId, subscriptions.subscriptionId],
    }),
  ],
)
