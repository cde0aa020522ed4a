import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { deriveId } from '../../db/mint-id.ts'
import {
  beginReconciliation,
  countDifferences,
  type DifferenceRow,
  findReconciliation,
  listDifferences,
  listReconciliations,
  type ReconciliationRow,
} from '../../db/reconciliations.ts'
import { BillingError } from '../../domain/errors.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import { type DifferenceStatus, explanationOf } from '../../domain/reconciliation.ts'
import type { CallerEnv } from '../context.ts'
import { readTextCursor, readTimeCursor, writeTextCursor, writeTimeCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forOperator } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import { commandProblems, readProblems } from '../schemas/problem.ts'
import {
  reconciliationInput,
  reconciliationPage,
  reconciliationQuery,
  reconciliationReport,
  reconciliationSummary,
} from '../schemas/reconciliations.ts'

const tags = ['Reconciliation']

/** Comparisons of Stripe's books with ours, of the whole installation. */
export function reconciliationRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { system, orchestrator, livemode } = dependencies

  app.openapi(
    createRoute({
      method: 'post',
      path: '/reconciliations',
      tags,
      summary: "Compare Stripe's books with ours now",
      description: 'For operators. There is one at a time: while one runs, that one is answered.',
      middleware: [forOperator('reconcile'), idempotent(dependencies)] as const,
      request: {
        body: { required: false, content: { 'application/json': { schema: reconciliationInput } } },
      },
      responses: {
        202: { description: 'It runs.', content: { 'application/json': { schema: reconciliationSummary } } },
        ...commandProblems,
      },
    }),
    async (c) => {
      const { operator, seed, log } = c.var
      const reconciliationId = deriveId('rec', seed.toString('hex'))
      // The row first: should Temporal be away, repeating the request takes it up.
      const running = await beginReconciliation(system, {
        reconciliationId,
        livemode,
        requestedBy: operator.operatorId,
      })
      if (running.status === 'running')
        await orchestrator.reconcile(running.reconciliationId, running.requestedBy)
      log.info(
        { reconciliation_id: running.reconciliationId, actor: operator.operatorId },
        'reconciliation asked for',
      )
      const [summary] = await summaries([running])
      if (!summary) throw new Error(`reconciliation ${reconciliationId} is missing`)
      return c.json(summary, 202)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/reconciliations',
      tags,
      summary: 'Comparisons, newest first',
      description: 'For operators.',
      middleware: [forOperator('read')] as const,
      request: { query: reconciliationQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: reconciliationPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { limit = DEFAULT_LIMIT, cursor } = c.req.valid('query')
      const before = readTimeCursor(cursor)
      const rows = await listReconciliations(system, { livemode, limit: limit + 1, before })
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      const next =
        rows.length > limit && last
          ? writeTimeCursor({ createdAt: last.startedAt, id: last.reconciliationId })
          : null
      return c.json({ data: await summaries(shown), next_cursor: next }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/reconciliations/{reconciliation_id}',
      tags,
      summary: 'The report of a comparison',
      description: `For operators. \`project_id\` is ${ACCOUNT_BOOK} for what belongs to the Stripe account and to no project.`,
      middleware: [forOperator('read')] as const,
      request: { params: z.object({ reconciliation_id: z.string() }), query: reconciliationQuery },
      responses: {
        200: {
          description: 'The report.',
          content: { 'application/json': { schema: reconciliationReport } },
        },
        ...readProblems,
      },
    }),
    async (c) => {
      const { reconciliation_id: reconciliationId } = c.req.valid('param')
      const { limit = DEFAULT_LIMIT, cursor } = c.req.valid('query')
      // That of a schedule holds the time at which it was due.
      const row = /^[\w.:-]{1,255}$/.test(reconciliationId)
        ? await findReconciliation(system, reconciliationId)
        : undefined
      const [summary] = row ? await summaries([row]) : []
      if (!row || !summary || row.livemode !== livemode) throw new BillingError('not_found')
      const after = readTextCursor(cursor)
      const differences = await listDifferences(system, reconciliationId, { limit: limit + 1, after })
      const counts = await countDifferences(system, [reconciliationId])
      const shown = differences.slice(0, limit)
      const last = shown.at(-1)
      const answer = {
        ...summary,
        balances: (row.balances ?? []).map(({ currency, ours, waiting, stripes }) => ({
          currency,
          ledger: ours,
          waiting,
          stripe: stripes,
        })),
        kinds: counts
          .map(({ kind, status, count }) => ({ kind, explanation: explanationOf(kind), status, count }))
          .toSorted((a, b) => a.kind.localeCompare(b.kind) || a.status.localeCompare(b.status)),
        data: shown.map(showDifference),
        next_cursor: differences.length > limit && last ? writeTextCursor(last.key) : null,
      }
      return c.json(answer, 200)
    },
  )

  async function summaries(rows: ReconciliationRow[]): Promise<z.infer<typeof reconciliationSummary>[]> {
    const counts = await countDifferences(
      system,
      rows.map(({ reconciliationId }) => reconciliationId),
    )
    return rows.map((row) => {
      const countOf = (wanted?: DifferenceStatus) =>
        counts
          .filter(({ reconciliationId }) => reconciliationId === row.reconciliationId)
          .filter(({ status }) => wanted === undefined || status === wanted)
          .reduce((sum, { count }) => sum + count, 0)
      return {
        reconciliation_id: row.reconciliationId,
        status: row.status,
        requested_by: row.requestedBy,
        stage: row.stage,
        compared: row.compared,
        foreign: row.foreign,
        stripe_calls: row.calls,
        differences: countOf(),
        repaired: countOf('repaired'),
        need_person: countOf('needs_person'),
        started_at: row.startedAt.toISOString(),
        ended_at: row.endedAt?.toISOString() ?? null,
      }
    })
  }
}

function showDifference({ kind, status, projectId, finding, foundAt, settledAt }: DifferenceRow) {
  return {
    kind,
    explanation: explanationOf(kind),
    status,
    project_id: projectId,
    ...(finding.userId && { user_id: finding.userId }),
    ...(finding.subjectId && { subject_id: finding.subjectId }),
    ...(finding.stripeId && { stripe_id: finding.stripeId }),
    ours: finding.ours ?? {},
    stripes: finding.stripes ?? {},
    found_at: foundAt.toISOString(),
    settled_at: settledAt?.toISOString() ?? null,
  }
}
