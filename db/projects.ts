import { and, asc, desc, eq, inArray, ne, sql } from 'drizzle-orm'
import type { Plan, Product } from '../domain/catalog.ts'
import type { DunningPolicy } from '../domain/dunning-policy.ts'
import type { ProjectId } from '../domain/ids.ts'
import { ACCOUNT_BOOK } from '../domain/ledger.ts'
import type { Currency } from '../domain/money.ts'
import { writeAudit } from './audit.ts'
import { toPlan, toProduct } from './catalog.ts'
import type { Database, Transaction } from './client.ts'
import { setPolicy } from './dunning.ts'
import { newestFirst, type NewestFirstPage, olderThan } from './newest-first.ts'
import { once } from './once.ts'
import { plans, products, projects } from './schema/index.ts'

export type ProjectRow = typeof projects.$inferSelect

export interface NewProject {
  projectId: ProjectId
  name: string
  currency: Currency
  plans: Plan[]
  products: Product[]
  /** What it does about failed renewals, and what single plans do; the default where there is nothing. */
  dunningPolicies: { planId: string; policy: DunningPolicy }[]
  successUrl: string | undefined
  cancelUrl: string | undefined
  correlationId: string
  /** The operator who registers it. */
  actor: string
}

/** Registers a project with all it sells. Registering it again finds it as it is. */
export async function registerProject(transaction: Transaction, project: NewProject): Promise<void> {
  const { projectId, correlationId, actor } = project
  await once(transaction, { projectId, intent: `${projectId}/registered` }, async () => {
    const { name, currency, successUrl, cancelUrl } = project
    await transaction.insert(projects).values({ projectId, name, currency, successUrl, cancelUrl })
    for (const { planId, policy } of project.dunningPolicies)
      await setPolicy(transaction, { projectId, planId, policy, setBy: actor })
    await Promise.all([
      insertPlans(transaction, projectId, project.plans),
      insertProducts(transaction, projectId, project.products),
      writeAudit(transaction, {
        projectId,
        actor,
        action: 'project.registered',
        subjectId: projectId,
        why: 'An operator registered the project.',
        correlationId,
        stripeIds: [],
        after: { name, currency, plans: project.plans.length, products: project.products.length },
        occurredAt: new Date(),
      }),
    ])
  })
}

async function insertPlans(transaction: Transaction, projectId: ProjectId, rows: Plan[]): Promise<void> {
  if (rows.length === 0) return
  await transaction.insert(plans).values(
    rows.map((plan) => ({
      projectId,
      planId: plan.id,
      version: plan.version,
      name: plan.name,
      amount: plan.price.amountMinor,
      currency: plan.price.currency,
      interval: plan.interval,
      trialDays: plan.trialDays,
      roles: plan.roles,
      limits: plan.limits,
    })),
  )
}

async function insertProducts(
  transaction: Transaction,
  projectId: ProjectId,
  rows: Product[],
): Promise<void> {
  if (rows.length === 0) return
  await transaction.insert(products).values(
    rows.map((product) => ({
      projectId,
      productId: product.id,
      name: product.name,
      amount: product.price.amountMinor,
      currency: product.price.currency,
      creditsMicroUsd: product.creditsMicroUsd ?? null,
    })),
  )
}

export async function findProject(
  transaction: Transaction,
  projectId: ProjectId,
): Promise<ProjectRow | undefined> {
  const [row] = await transaction.select().from(projects).where(eq(projects.projectId, projectId))
  return row
}

/** Whether there is such a project. For operators, who name one before a transaction is bound to it. */
export async function projectExists(system: Database, projectId: ProjectId): Promise<boolean> {
  const [row] = await system
    .select({ projectId: projects.projectId })
    .from(projects)
    .where(eq(projects.projectId, projectId))
  return row !== undefined
}

/** Which of these projects there are. */
export async function existingProjects(system: Database, projectIds: ProjectId[]): Promise<Set<ProjectId>> {
  if (projectIds.length === 0) return new Set()
  const rows = await system
    .select({ projectId: projects.projectId })
    .from(projects)
    .where(inArray(projects.projectId, projectIds))
  return new Set(rows.map(({ projectId }) => projectId))
}

/** The project that comes after that one, in the order of their ids; the account's own book is none. */
export async function projectAfter(system: Database, projectId: string): Promise<ProjectId | undefined> {
  const [row] = await system
    .select({ projectId: projects.projectId })
    .from(projects)
    .where(and(sql`${projects.projectId} > ${projectId}`, ne(projects.projectId, ACCOUNT_BOOK)))
    .orderBy(asc(projects.projectId))
    .limit(1)
  return row?.projectId
}

/** Projects of the installation, newest first. */
export async function listProjects(
  system: Database,
  { limit, before }: NewestFirstPage,
): Promise<ProjectRow[]> {
  return system
    .select()
    .from(projects)
    .where(
      and(ne(projects.projectId, ACCOUNT_BOOK), olderThan(before, projects.createdAt, projects.projectId)),
    )
    .orderBy(...newestFirst(projects.createdAt, projects.projectId))
    .limit(limit)
}

/** What a project sells now: the latest version of each plan, and each product. */
export async function readCatalog(
  transaction: Transaction,
  projectId: ProjectId,
): Promise<{ plans: Plan[]; products: Product[] }> {
  const [planRows, productRows] = await Promise.all([
    transaction
      .selectDistinctOn([plans.planId])
      .from(plans)
      .where(eq(plans.projectId, projectId))
      .orderBy(asc(plans.planId), desc(plans.version)),
    transaction
      .select()
      .from(products)
      .where(eq(products.projectId, projectId))
      .orderBy(asc(products.productId)),
  ])
  return { plans: planRows.map(toPlan), products: productRows.map(toProduct) }
}
