import { createRoute, type OpenAPIHono, type z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { disputeData, type DisputeRow, findDispute, listDisputes } from '../../db/disputes.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId, type ProjectId } from '../../domain/ids.ts'
import type { CallerEnv } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { disputePage, disputeParams, disputeQuery, disputeShown } from '../schemas/disputes.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import { readProblems } from '../schemas/problem.ts'
import { timelinePage } from '../schemas/subscriptions.ts'
import { showTimeline } from '../show-timeline.ts'

const tags = ['Disputes']

/** What customers' banks want back. Evidence is handed in at Stripe. */
export function disputeRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies

  app.openapi(
    createRoute({
      method: 'get',
      path: '/disputes',
      tags,
      summary: 'List disputes, newest first',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { query: disputeQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: disputePage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { limit = DEFAULT_LIMIT, cursor, status } = c.req.valid('query')
      const before = readCursor('dsp', cursor)
      const rows = await inProject(application, projectId, (transaction) =>
        listDisputes(transaction, projectId, { livemode, limit: limit + 1, before, status }),
      )
      const placeOf = (row: DisputeRow) => ({ createdAt: row.createdAt, id: row.disputeId })
      return c.json(pageOf(rows, limit, placeOf, showDispute), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/disputes/{dispute_id}',
      tags,
      summary: 'A dispute',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: disputeParams },
      responses: {
        200: { description: 'The dispute.', content: { 'application/json': { schema: disputeShown } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const row = await mustFind(c.var.tenant.projectId, c.req.valid('param').dispute_id)
      return c.json(showDispute(row), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/disputes/{dispute_id}/timeline',
      tags,
      summary: 'Each thing that happened to a dispute, in order',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: disputeParams },
      responses: {
        200: { description: 'All of it.', content: { 'application/json': { schema: timelinePage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { disputeId } = await mustFind(projectId, c.req.valid('param').dispute_id)
      const data = await inProject(application, projectId, (transaction) =>
        showTimeline(transaction, projectId, disputeId),
      )
      return c.json({ data, next_cursor: null }, 200)
    },
  )

  async function mustFind(projectId: ProjectId, name: string): Promise<DisputeRow> {
    const row = isId('dsp', name)
      ? await inProject(application, projectId, (transaction) => findDispute(transaction, projectId, name))
      : undefined
    if (row?.livemode !== livemode) throw new BillingError('not_found')
    return row
  }
}

const showDispute = (row: DisputeRow): z.infer<typeof disputeShown> => ({
  ...disputeData(row),
  funds_withdrawn: row.isWithdrawn,
  opened_at: row.openedAt.toISOString(),
  ...(row.closedAt !== null && { closed_at: row.closedAt.toISOString() }),
  stripe_dispute_id: row.stripeDisputeId,
  stripe_charge_id: row.stripeChargeId,
})
