import { and, desc, eq, isNull } from 'drizzle-orm'
import type { Plan, Product } from '../domain/catalog.ts'
import type { ProjectId } from '../domain/ids.ts'
import { currency, money } from '../domain/money.ts'
import type { ProviderPrice } from '../domain/provider.ts'
import type { Transaction } from './client.ts'
import { plans, products } from './schema/index.ts'

/** Plans and products of a project. */

export type PlanRow = typeof plans.$inferSelect
export type ProductRow = typeof products.$inferSelect

export async function findLatestPlan(
  transaction: Transaction,
  projectId: ProjectId,
  planId: string,
): Promise<PlanRow | undefined> {
  const [row] = await transaction
    .select()
    .from(plans)
    .where(and(eq(plans.projectId, projectId), eq(plans.planId, planId)))
    .orderBy(desc(plans.version))
    .limit(1)
  return row
}

export async function readPlan(
  transaction: Transaction,
  key: { projectId: ProjectId; planId: string; version: number },
): Promise<PlanRow> {
  const [row] = await transaction
    .select()
    .from(plans)
    .where(
      and(eq(plans.projectId, key.projectId), eq(plans.planId, key.planId), eq(plans.version, key.version)),
    )
  if (!row) throw new Error(`plan ${key.planId} version ${key.version} is missing`)
  return row
}

/** The version of a plan that is sold at a price of the provider; `undefined` when the price is none of ours. */
export async function findPlanByPrice(
  transaction: Transaction,
  projectId: ProjectId,
  stripePriceId: string,
): Promise<PlanRow | undefined> {
  const [row] = await transaction
    .select()
    .from(plans)
    .where(and(eq(plans.projectId, projectId), eq(plans.stripePriceId, stripePriceId)))
  return row
}

export async function findProduct(
  transaction: Transaction,
  projectId: ProjectId,
  productId: string,
): Promise<ProductRow | undefined> {
  const [row] = await transaction
    .select()
    .from(products)
    .where(and(eq(products.projectId, projectId), eq(products.productId, productId)))
  return row
}

/** What has no price at the provider yet. */
export async function listUnpublished(
  transaction: Transaction,
  projectId: ProjectId,
): Promise<({ kind: 'plan'; plan: Plan } | { kind: 'product'; product: Product })[]> {
  const [planRows, productRows] = await Promise.all([
    transaction
      .select()
      .from(plans)
      .where(and(eq(plans.projectId, projectId), isNull(plans.stripePriceId))),
    transaction
      .select()
      .from(products)
      .where(and(eq(products.projectId, projectId), isNull(products.stripePriceId))),
  ])
  return [
    ...planRows.map((row) => ({ kind: 'plan' as const, plan: toPlan(row) })),
    ...productRows.map((row) => ({ kind: 'product' as const, product: toProduct(row) })),
  ]
}

/** Stores the provider's price of one version of a plan, or of a product. The first stored stays. */
export async function setPrice(
  transaction: Transaction,
  projectId: ProjectId,
  item: { kind: 'plan'; plan: Plan } | { kind: 'product'; product: Product },
  price: ProviderPrice,
): Promise<void> {
  const columns = { stripePriceId: price.priceId, stripeProductId: price.productId }
  if (item.kind === 'plan') {
    await transaction
      .update(plans)
      .set(columns)
      .where(
        and(
          eq(plans.projectId, projectId),
          eq(plans.planId, item.plan.id),
          eq(plans.version, item.plan.version),
          isNull(plans.stripePriceId),
        ),
      )
  } else {
    await transaction
      .update(products)
      .set(columns)
      .where(
        and(
          eq(products.projectId, projectId),
          eq(products.productId, item.product.id),
          isNull(products.stripePriceId),
        ),
      )
  }
}

export function toPlan(row: PlanRow): Plan {
  return {
    id: row.planId,
    version: row.version,
    name: row.name,
    price: money(row.amount, currency(row.currency)),
    interval: row.interval,
    trialDays: row.trialDays,
    roles: row.roles,
    limits: row.limits,
  }
}

export function toProduct(row: ProductRow): Product {
  return {
    id: row.productId,
    name: row.name,
    price: money(row.amount, currency(row.currency)),
    creditsMicroUsd: row.creditsMicroUsd ?? undefined,
  }
}
