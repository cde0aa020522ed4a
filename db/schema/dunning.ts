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
import type { AttemptOutcome, AttemptTrigger, DunningStatus } from '../../domain/dunning.ts'
import type { DunningPolicy } from '../../domain/dunning-policy.ts'
import type { CustomerId, ProjectId, SubscriptionId } from '../../domain/ids.ts'
import { amountMinor, currencyCode, instant, recordedNow } from './columns.ts'
import { projects } from './projects.ts'
import { subscriptions } from './subscriptions.ts'

/** What a project does about failed renewals: a row per version, counted per project. A case keeps the version it began with. */
export const dunningPolicies = pgTable(
  'dunning_policies',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    version: integer('version').notNull(),
    /** The plan it is for; empty for all plans that have none of their own. */
    planId: text('plan_id').notNull().default(''),
    policy: jsonb('policy').$type<DunningPolicy>().notNull(),
    setBy: text('set_by').notNull(),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.version] }),
    index('dunning_policies_of_plan').on(table.projectId, table.planId, table.version),
  ],
)

/** One unpaid invoice of a subscription's life, from its first failed charge to its end. The row says that the case exists. */
export const dunningCases = pgTable(
  'dunning_cases',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    invoiceId: text('invoice_id').notNull(),
    subscriptionId: text('subscription_id').$type<SubscriptionId>().notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    livemode: boolean('livemode').notNull(),
    status: text('status').$type<DunningStatus>().notNull(),
    amountDue: amountMinor('amount_due_minor').notNull(),
    currency: currencyCode(),
    /** The first failed charge: every deadline is counted from here. */
    failedAt: instant('failed_at').notNull(),
    policy: jsonb('policy').$type<DunningPolicy>().notNull(),
    policyVersion: integer('policy_version').notNull(),
    /** How many scheduled retries have been used up, and of how many the customer has been told beforehand. */
    retriesDone: integer('retries_done').notNull().default(0),
    retriesNoticed: integer('retries_noticed').notNull().default(0),
    /** Null once no more retries are scheduled. */
    nextRetryAt: instant('next_retry_at'),
    graceUntil: instant('grace_until').notNull(),
    graceEnded: boolean('grace_ended').notNull().default(false),
    /** Where the customer can pay the invoice by hand. */
    payUrl: text('pay_url'),
    /** Since when Stripe's own retries are off for it: one attempt budget, one owner. */
    takenOverAt: instant('taken_over_at'),
    /** The cards that were there then: any other is new. */
    knownCards: text('known_cards').array(),
    /** When Stripe itself would have tried next. Its own retries should be off for the whole account. */
    stripeNextAttemptAt: instant('stripe_next_attempt_at'),
    endedAt: instant('ended_at'),
    /** What has been done about an exhausted case; null while it waits to be done. */
    endActionAt: instant('end_action_at'),
    correlationId: text('correlation_id').notNull(),
    createdAt: recordedNow('created_at'),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.invoiceId] }),
    foreignKey({
      columns: [table.projectId, table.subscriptionId],
      foreignColumns: [subscriptions.projectId, subscriptions.subscriptionId],
    }),
    index('dunning_cases_of_subscription').on(table.projectId, table.subscriptionId, table.failedAt),
    index('dunning_cases_open')
      .on(table.customerId)
      .where(sql`${table.status} = 'open'`),
    check('dunning_cases_amount', sql`${table.amountDue} >= 0`),
  ],
)

/** Each try to collect an invoice of a case. Ours are written before Stripe is asked, so that two never run at once. */
export const dunningAttempts = pgTable(
  'dunning_attempts',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    invoiceId: text('invoice_id').notNull(),
    ordinal: integer('ordinal').notNull(),
    /** What it is for: `schedule/2/pm_…`. For tries of others, Stripe's id of the charge. */
    intent: text('intent').notNull(),
    trigger: text('trigger').$type<AttemptTrigger>().notNull(),
    paymentMethodId: text('payment_method_id'),
    startedAt: instant('started_at').notNull(),
    /** Null while Stripe has not answered: nothing else may charge this invoice until it has. */
    outcome: text('outcome').$type<AttemptOutcome>(),
    declineCode: text('decline_code'),
    adviceCode: text('advice_code'),
    stripeChargeId: text('stripe_charge_id'),
    /** Who asked for it, and why; null for the schedule. */
    requestedBy: text('requested_by'),
    reason: text('reason'),
    /** In real time, whatever clock the customer hangs on. */
    claimedAt: recordedNow('claimed_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.invoiceId, table.ordinal] }),
    foreignKey({
      columns: [table.projectId, table.invoiceId],
      foreignColumns: [dunningCases.projectId, dunningCases.invoiceId],
    }),
    uniqueIndex('dunning_attempts_intent').on(table.projectId, table.invoiceId, table.intent),
    uniqueIndex('dunning_attempts_charge').on(table.projectId, table.stripeChargeId),
    uniqueIndex('dunning_attempts_under_way')
      .on(table.projectId, table.invoiceId)
      .where(sql`${table.outcome} is null`),
  ],
)
