import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { sql } from 'drizzle-orm'
import { register, Registry } from 'prom-client'
import type { Database } from '../../db/client.ts'
import type { BaseEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'

const tags = ['Operations']
const upOrDown = z.enum(['up', 'down'])
const readiness = z.object({ status: z.enum(['ready', 'not_ready']), postgres: upOrDown, temporal: upOrDown })

/** A database that has not answered by then is as good as down for whoever asks. */
const DATABASE_PATIENCE_MS = 2_000

export function healthRoutes(
  app: OpenAPIHono<BaseEnv>,
  { application, system, orchestrator, metrics }: ApiDependencies,
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/healthz',
      tags,
      summary: 'The process lives',
      responses: {
        200: {
          description: 'It does.',
          content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } },
        },
      },
    }),
    (c) => c.json({ status: 'ok' as const }, 200),
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/readyz',
      tags,
      summary: 'Requests can be served',
      description:
        "Needs Postgres. Temporal's state is told but not required: without it webhooks are still stored and statuses still read.",
      responses: {
        200: { description: 'Ready.', content: { 'application/json': { schema: readiness } } },
        503: { description: 'Not ready.', content: { 'application/json': { schema: readiness } } },
      },
    }),
    async (c) => {
      const [ofApplication, ofSystem, temporal] = await Promise.all([
        answers(application),
        answers(system),
        orchestrator.isReachable(),
      ])
      const postgres = ofApplication && ofSystem
      const state = { postgres: upOr(postgres), temporal: upOr(temporal) }
      return postgres
        ? c.json({ status: 'ready' as const, ...state }, 200)
        : c.json({ status: 'not_ready' as const, ...state }, 503)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/metrics',
      tags,
      summary: 'Metrics for Prometheus',
      responses: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } } },
    }),
    async (c) => {
      // Other rooms, such as the inbox, count on the registry of the process.
      const all = Registry.merge([metrics.registry, register])
      return c.text(await all.metrics(), 200, { 'Content-Type': all.contentType })
    },
  )
}

async function answers(database: Database): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, DATABASE_PATIENCE_MS, false)
  })
  const answer = database.execute(sql`select 1`).then(
    () => true,
    () => false,
  )
  const answered = await Promise.race([answer, patience])
  clearTimeout(timer)
  return answered
}

const upOr = (isUp: boolean) => (isUp ? ('up' as const) : ('down' as const))
