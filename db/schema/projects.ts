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
import type { Plan } from '../../domain/catalog.ts'
import type { KeyId, OperatorId, ProjectId } from '../../domain/ids.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import { amountMinor, currencyCode, hash, instant, recordedNow } from './columns.ts'

/** A tenant: one product of the company. */
export const projects = pgTable('projects', {
  projectId: text('project_id').$type<ProjectId>().primaryKey(),
  name: text('name').notNull(),
  currency: currencyCode(),
  successUrl: text('success_url'),
  cancelUrl: text('cancel_url'),
  createdAt: recordedNow('created_at'),
})

/** Keys of projects. Only a hash is kept: the key is told once. */
export const apiKeys = pgTable(
  'api_keys',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    keyId: text('key_id').$type<KeyId>().notNull(),
    keyHash: hash('key_hash').notNull(),
    livemode: boolean('livemode').notNull(),
    createdAt: recordedNow('created_at'),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.keyId] }),
    uniqueIndex('api_keys_hash').on(table.keyHash),
    check('api_keys_of_projects', sql`${table.projectId} <> ${sql.raw(`'${ACCOUNT_BOOK}'`)}`),
  ],
)

/** Persons who run the installation. They belong to no project. */
export const operators = pgTable(
  'operators',
  {
    operatorId: text('operator_id').$type<OperatorId>().primaryKey(),
    name: text('name').notNull(),
    role: text('role').$type<OperatorRole>().notNull(),
    keyHash: hash('key_hash').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: recordedNow('created_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [uniqueIndex('operators_key_hash').on(table.keyHash)],
)

export const operatorRoles = ['viewer', 'support', 'admin'] as const
export type OperatorRole = (typeof operatorRoles)[number]

/** A row per version: a running subscription keeps the version it was sold. */
export const plans = pgTable(
  'plans',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    planId: text('plan_id').notNull(),
    version: integer('version').notNull(),
    name: text('name').notNull(),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    interval: text('interval').$type<Plan['interval']>().notNull(),
    trialDays: integer('trial_days').notNull(),
    roles: text('roles').array().notNull(),
    limits: jsonb('limits').$type<Plan['limits']>().notNull(),
    stripePriceId: text('stripe_price_id'),
    stripeProductId: text('stripe_product_id'),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.planId, table.version] }),
    check('plans_amount', sql`${table.amount} >= 0`),
  ],
)

export const products = pgTable(
  'products',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    productId: text('product_id').notNull(),
    name: text('name').notNull(),
    amount: amountMinor('amount_minor').notNull(),
    currency: currencyCode(),
    /** Micro-dollars of credits that one brings; null for an ordinary product. */
    creditsMicroUsd: amountMinor('credits_micro_usd'),
    stripePriceId: text('stripe_price_id'),
    stripeProductId: text('stripe_product_id'),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.productId] }),
    check('products_amount', sql`${table.amount} >= 0`),
  ],
)

/** Answers kept for callers who repeat a POST. The body is encrypted under the caller's own key: it may hold a secret. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    /** The project or the operator whose key it is. */
    scope: text('scope').notNull(),
    keyHash: hash('key_hash').notNull(),
    requestHash: hash('request_hash').notNull(),
    /** Sixteen random bytes, stored before the first attempt: ids minted from them survive a crash between attempt and answer. */
    seed: hash('seed').notNull(),
    /** While in the future, an attempt is under way. */
    lockedUntil: instant('locked_until'),
    status: integer('status'),
    sealedAnswer: hash('sealed_answer'),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.keyHash] }),
    index('idempotency_keys_age').on(table.createdAt),
  ],
)

/** What we asked the provider to do, stored before the call, so that a repeated call has the same key. */
export const effects = pgTable(
  'effects',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    intent: text('intent').notNull(),
    /** Part of the effect key; rises only after a look-up has shown that the earlier try had no effect. */
    ordinal: integer('ordinal').notNull(),
    triedAt: recordedNow('tried_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.intent] }),
    foreignKey({ columns: [table.projectId], foreignColumns: [projects.projectId] }),
  ],
)
