import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { deriveId } from '../../db/mint-id.ts'
import { findRefund, listRefunds, type RefundRow } from '../../db/refunds.ts'
import { timeOfCustomer } from '../../db/test-clocks.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId, type ProjectId } from '../../domain/ids.ts'
import { currency, describeMoney, money } from '../../domain/money.ts'
import type { CallerEnv } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import { decideRefund } from '../decide-refund.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forOperator, forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { findRefundable, refusalOfRefund, requestRefund } from '../request-refund.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import { commandProblems, readProblems } from '../schemas/problem.ts'
import {
  decisionInput,
  refundInput,
  refundPage,
  refundParams,
  refundQuery,
  refundShown,
} from '../schemas/refunds.ts'
import { timelinePage } from '../schemas/subscriptions.ts'
import { showRefund } from '../show-refund.ts'
import { showTimeline } from '../show-timeline.ts'

const tags = ['Refunds']

/** Giving money back: asked for here, carried out by the refund's workflow. */
export function refundRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, orchestrator, livemode } = dependencies
  const repeatable = idempotent(dependencies)

  app.openapi(
    createRoute({
      method: 'post',
      path: '/refunds',
      tags,
      summary: 'Refund a payment or an invoice, in full or in part',
      description:
        'As often as something is left. The answer comes when Stripe has taken it, or after some seconds; `pending` ends with an event. More than the limit of the project waits for a second person.',
      middleware: [forProject(dependencies, 'refund'), repeatable] as const,
      request: { body: { required: true, content: { 'application/json': { schema: refundInput } } } },
      responses: {
        202: { description: 'Accepted.', content: { 'application/json': { schema: refundShown } } },
        ...commandProblems,
      },
    }),
    async (c) => {
      const { tenant, seed, correlationId } = c.var
      const { projectId, actor } = tenant
      const input = c.req.valid('json')
      const refundId = deriveId('rfd', seed.toString('hex'))
      const refundable = await findRefundable(dependencies, projectId, input)
      const known = await inProject(application, projectId, (transaction) =>
        findRefund(transaction, projectId, refundId),
      )
      const accepted =
        known ??
        (await requestRefund(dependencies, refundable, {
          input,
          refundId,
          requestedBy: actor,
          correlationId,
        }))
      const tried = accepted.status === 'pending' ? await carryOut(accepted) : await start(accepted)
      // Somebody was faster, in Stripe's dashboard.
      if (tried.status === 'failed' && tried.stripeRefundId === null)
        throw await refusalOfRefund(dependencies, tried)
      return c.json(showRefund(tried), 202)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/refunds',
      tags,
      summary: 'List refunds, newest first',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { query: refundQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: refundPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { limit = DEFAULT_LIMIT, cursor, payment_id: paymentId, status } = c.req.valid('query')
      const before = readCursor('rfd', cursor)
      const rows = await inProject(application, projectId, (transaction) =>
        listRefunds(transaction, projectId, { livemode, limit: limit + 1, before, paymentId, status }),
      )
      const placeOf = (row: RefundRow) => ({ createdAt: row.createdAt, id: row.refundId })
      return c.json(pageOf(rows, limit, placeOf, showRefund), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/refunds/{refund_id}',
      tags,
      summary: 'A refund',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: refundParams },
      responses: {
        200: { description: 'The refund.', content: { 'application/json': { schema: refundShown } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const row = await mustFind(c.var.tenant.projectId, c.req.valid('param').refund_id)
      return c.json(showRefund(row), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/refunds/{refund_id}/timeline',
      tags,
      summary: 'Each thing that happened to a refund, in order',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: refundParams },
      responses: {
        200: { description: 'All of it.', content: { 'application/json': { schema: timelinePage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { refundId } = await mustFind(projectId, c.req.valid('param').refund_id)
      const data = await inProject(application, projectId, (transaction) =>
        showTimeline(transaction, projectId, refundId),
      )
      return c.json({ data, next_cursor: null }, 200)
    },
  )

  for (const decision of ['approve', 'reject'] as const)
    app.openapi(
      createRoute({
        method: 'post',
        path: `/refunds/{refund_id}/${decision}`,
        tags,
        summary: decision === 'approve' ? 'Let a refund be made' : 'Refuse a refund that waits',
        description: 'For an operator other than the one who asked for it.',
        middleware: [
          forOperator('approve_refunds'),
          forProject(dependencies, 'approve_refunds'),
          repeatable,
        ] as const,
        request: {
          params: refundParams,
          body: { required: true, content: { 'application/json': { schema: decisionInput } } },
        },
        responses: {
          202: { description: 'Decided.', content: { 'application/json': { schema: refundShown } } },
          ...commandProblems,
        },
      }),
      async (c) => {
        const { projectId, actor } = c.var.tenant
        const { refundId } = await mustFind(projectId, c.req.valid('param').refund_id)
        const { reason } = c.req.valid('json')
        const decided = await inProject(application, projectId, (transaction) =>
          decideRefund(transaction, { projectId, refundId, decision, by: actor, reason }),
        )
        await tell(decided)
        const tried = decided.status === 'pending' ? await carryOut(decided) : decided
        return c.json(showRefund(tried), 202)
      },
    )

  /** The workflow waits for the second person, so that operators see it in Temporal UI. */
  async function start(row: RefundRow): Promise<RefundRow> {
    await orchestrator.startRefund(await startOf(row))
    return row
  }

  async function carryOut(row: RefundRow): Promise<RefundRow> {
    await orchestrator.tryRefund(await startOf(row))
    return mustFind(row.projectId, row.refundId)
  }

  async function tell(row: RefundRow): Promise<void> {
    await orchestrator.tellRefund(await startOf(row))
  }

  async function startOf(row: RefundRow) {
    const { projectId, refundId, userId, correlationId } = row
    const { clockId } = await inProject(application, projectId, (transaction) =>
      timeOfCustomer(transaction, row, new Date()),
    )
    const amount = describeMoney(money(row.amount, currency(row.currency)))
    return { projectId, refundId, userId, correlationId, clockId, amount }
  }

  async function mustFind(projectId: ProjectId, name: string): Promise<RefundRow> {
    const row = isId('rfd', name)
      ? await inProject(application, projectId, (transaction) => findRefund(transaction, projectId, name))
      : undefined
    if (row?.livemode !== livemode) throw new BillingError('not_found')
    return row
  }
}
