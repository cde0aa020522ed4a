import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { currentPolicy } from '../../db/dunning.ts'
import { insertKey } from '../../db/keys.ts'
import { deriveId } from '../../db/mint-id.ts'
import {
  findProject,
  listProjects,
  type ProjectRow,
  readCatalog,
  registerProject,
} from '../../db/projects.ts'
import { featuresOf, type Plan, type Product } from '../../domain/catalog.ts'
import type { DunningPolicy } from '../../domain/dunning-policy.ts'
import { BillingError } from '../../domain/errors.ts'
import { type Currency, money } from '../../domain/money.ts'
import type { CallerEnv } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forOperator, forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { describeError } from '../problem.ts'
import { showDunningPolicy, toDunningPolicy } from '../schemas/dunning.ts'
import { DEFAULT_LIMIT, paging } from '../schemas/fields.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import {
  projectCreated,
  projectDetail,
  type ProjectInput,
  projectInput,
  projectPage,
} from '../schemas/projects.ts'
import { deriveKey, hashKey } from '../secrets.ts'

const tags = ['Projects']

export function projectRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, system, orchestrator, livemode, publicUrl } = dependencies

  app.openapi(
    createRoute({
      method: 'post',
      path: '/projects',
      tags,
      summary: 'Register a project with what it sells',
      description: 'For operators. The key in the answer is told once.',
      middleware: [forOperator('manage_projects'), idempotent(dependencies)] as const,
      request: { body: { required: true, content: { 'application/json': { schema: projectInput } } } },
      responses: {
        201: {
          description: 'The project is registered; its prices are being published at the payment provider.',
          content: { 'application/json': { schema: projectCreated } },
        },
        ...writeProblems,
      },
    }),
    async (c) => {
      const { operator, seed, bearer, correlationId, log } = c.var
      const input = c.req.valid('json')
      const projectId = deriveId('prj', seed.toString('hex'))
      const apiKey = deriveKey(livemode ? 'qk_live_' : 'qk_test_', { seed, bearer })
      const keyHash = hashKey(apiKey)
      const catalog = catalogOf(input)

      await inProject(application, projectId, async (transaction) => {
        await registerProject(transaction, {
          projectId,
          name: input.name,
          currency: input.currency,
          ...catalog,
          dunningPolicies: policiesOf(input),
          successUrl: input.success_url,
          cancelUrl: input.cancel_url,
          correlationId,
          actor: operator.operatorId,
        })
        await insertKey(transaction, {
          projectId,
          keyId: deriveId('key', keyHash.toString('hex')),
          keyHash,
          livemode,
        })
      })
      try {
        await orchestrator.publishCatalog(projectId)
      } catch (error) {
        // The rows are there, and the first checkout of an item publishes it if nothing has by then.
        log.warn({ project_id: projectId, error: describeError(error) }, 'catalog not published yet')
      }

      const { paymentTypes, features } = featuresOf(catalog)
      const answer = {
        project_id: projectId,
        api_key: apiKey,
        payment_types: paymentTypes,
        features,
        environment_variables: {
          QUITTANCE_API_URL: publicUrl ?? new URL(c.req.url).origin,
          QUITTANCE_PROJECT_ID: projectId,
          QUITTANCE_API_KEY: apiKey,
        },
      }
      return c.json(answer, 201)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/projects',
      tags,
      summary: 'List projects, newest first',
      description: 'For operators.',
      middleware: [forOperator('read')] as const,
      request: { query: z.strictObject(paging) },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: projectPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { limit = DEFAULT_LIMIT, cursor } = c.req.valid('query')
      const before = readCursor('prj', cursor)
      const rows = await listProjects(system, { limit: limit + 1, before })
      const placeOf = ({ createdAt, projectId }: ProjectRow) => ({ createdAt, id: projectId })
      return c.json(pageOf(rows, limit, placeOf, showProject), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/projects/{project_id}',
      tags,
      summary: 'A project with what it sells now',
      description: "For operators and for the project's own keys.",
      middleware: [forProject(dependencies, 'read', 'project_id')] as const,
      request: { params: z.object({ project_id: z.string() }) },
      responses: {
        200: { description: 'The project.', content: { 'application/json': { schema: projectDetail } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const [row, catalog, dunning] = await inProject(application, projectId, (transaction) =>
        Promise.all([
          findProject(transaction, projectId),
          readCatalog(transaction, projectId),
          currentPolicy(transaction, projectId, ''),
        ]),
      )
      if (!row) throw new BillingError('project_not_found')
      const { paymentTypes, features } = featuresOf(catalog)
      const answer = {
        ...showProject(row),
        dunning: showDunningPolicy(dunning.policy),
        dunning_version: dunning.version,
        payment_types: paymentTypes,
        features,
        plans: catalog.plans.map(showPlan),
        products: catalog.products.map(showProduct),
      }
      return c.json(answer, 200)
    },
  )
}

function policiesOf({ dunning, plans }: ProjectInput): { planId: string; policy: DunningPolicy }[] {
  return [
    ...(dunning ? [{ planId: '', policy: toDunningPolicy(dunning) }] : []),
    ...plans.flatMap(({ id, dunning: ofPlan }) =>
      ofPlan ? [{ planId: id, policy: toDunningPolicy(ofPlan) }] : [],
    ),
  ]
}

function catalogOf(input: ProjectInput): { plans: Plan[]; products: Product[] } {
  const priceOf = (item: { amount: number; currency?: Currency | undefined }) =>
    money(item.amount, item.currency ?? input.currency)
  return {
    plans: input.plans.map((plan) => ({
      id: plan.id,
      version: 1,
      name: plan.name,
      price: priceOf(plan),
      interval: plan.interval,
      trialDays: plan.trial_days,
      roles: plan.roles,
      limits: plan.limits,
    })),
    products: input.products.map((product) => ({
      id: product.id,
      name: product.name,
      price: priceOf(product),
      creditsMicroUsd: product.credits,
    })),
  }
}

function showProject(row: ProjectRow) {
  return {
    project_id: row.projectId,
    name: row.name,
    currency: row.currency,
    success_url: row.successUrl,
    cancel_url: row.cancelUrl,
    created_at: row.createdAt.toISOString(),
  }
}

const showPlan = (plan: Plan) => ({
  id: plan.id,
  version: plan.version,
  name: plan.name,
  amount: plan.price.amountMinor,
  currency: plan.price.currency,
  interval: plan.interval,
  trial_days: plan.trialDays,
  roles: plan.roles,
  limits: plan.limits,
})

const showProduct = (product: Product) => ({
  id: product.id,
  name: product.name,
  amount: product.price.amountMinor,
  currency: product.price.currency,
  ...(product.creditsMicroUsd !== undefined && { credits: product.creditsMicroUsd }),
})
