import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { deriveId } from '../../db/mint-id.ts'
import { findTestClock, insertTestClock, type TestClockRow } from '../../db/test-clocks.ts'
import { BillingError } from '../../domain/errors.ts'
import { type ClockId, isId, type ProjectId } from '../../domain/ids.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { commandProblems, readProblems } from '../schemas/problem.ts'
import { advanceInput, testClockInput, testClockShown } from '../schemas/test-clocks.ts'

const tags = ['Test clocks']
const params = z.object({ clock_id: z.string().openapi({ example: 'clk_01arz3ndektsv4rrffq69g5fav' }) })

/** Time that is moved by hand, so that a year of a subscription can be played in a minute. Test mode only. */
export function testClockRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, orchestrator, livemode } = dependencies
  const moving = forProject(dependencies, 'move_test_clocks')
  const repeatable = idempotent(dependencies)
  const shown = { content: { 'application/json': { schema: testClockShown } } }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/test-clocks',
      tags,
      summary: 'Make a test clock',
      description: 'A user joins it with their first payment (`test_clock_id`), and stays on it.',
      middleware: [moving, repeatable] as const,
      request: { body: { required: true, content: { 'application/json': { schema: testClockInput } } } },
      responses: { 201: { description: 'It stands still.', ...shown }, ...commandProblems },
    }),
    async (c) => {
      if (livemode) throw new BillingError('live_mode_has_no_clocks')
      const { tenant, seed, correlationId } = c.var
      const { projectId } = tenant
      const { frozen_time, name } = c.req.valid('json')
      const clockId = deriveId('clk', seed.toString('hex'))
      const frozenTime = wholeSeconds(frozen_time)
      await inProject(application, projectId, (transaction) =>
        insertTestClock(transaction, {
          projectId,
          clockId,
          name: name ?? null,
          frozenTime,
          targetTime: frozenTime,
          status: 'ready',
          correlationId,
        }),
      )
      await orchestrator.openTestClock(projectId, clockId)
      return c.json(showClock(await mustFind(projectId, clockId)), 201)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/test-clocks/{clock_id}/advance',
      tags,
      summary: 'Move a test clock forward',
      description:
        'Answers at once, `advancing`. Stripe and every workflow on the clock then live through the time, deadline by deadline; `ready` means that all have settled. The time that it shows or moves to already is answered in the same way, so that a lost answer can be asked for again.',
      middleware: [moving, repeatable] as const,
      request: {
        params,
        body: { required: true, content: { 'application/json': { schema: advanceInput } } },
      },
      responses: { 200: { description: 'It moves.', ...shown }, ...commandProblems },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const clock = await mustFind(projectId, c.req.valid('param').clock_id)
      const target = wholeSeconds(c.req.valid('json').frozen_time)
      // Whoever lost the answer asks again: what has begun or is done is answered like the first time.
      const isAdvancing = clock.status === 'advancing'
      const { frozenTime, targetTime } = clock
      if (target.getTime() === (isAdvancing ? targetTime : frozenTime).getTime())
        return c.json(showClock(clock), 200)
      if (isAdvancing) throw new BillingError('test_clock_advancing')
      if (target < clock.frozenTime)
        throw new BillingError('test_clock_backwards', {
          fields: [
            {
              path: 'frozen_time',
              message: `frozen_time must not be before ${clock.frozenTime.toISOString()}, which is what the clock shows.`,
            },
          ],
        })
      await orchestrator.advanceTestClock(projectId, clock.clockId, {
        targetTime: target.getTime(),
        updateId: c.var.seed.toString('hex'),
      })
      return c.json(showClock(await mustFind(projectId, clock.clockId)), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/test-clocks/{clock_id}',
      tags,
      summary: 'What time it is on a test clock',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params },
      responses: { 200: { description: 'The clock.', ...shown }, ...readProblems },
    }),
    async (c) =>
      c.json(showClock(await mustFind(c.var.tenant.projectId, c.req.valid('param').clock_id)), 200),
  )

  async function mustFind(projectId: ProjectId, name: ClockId | string): Promise<TestClockRow> {
    if (!isId('clk', name)) throw new BillingError('test_clock_not_found')
    const row = await inProject(application, projectId, (transaction) =>
      findTestClock(transaction, projectId, name),
    )
    if (!row) throw new BillingError('test_clock_not_found')
    return row
  }
}

/** Stripe's clocks know whole seconds. */
const wholeSeconds = (time: string) => new Date(Math.floor(Date.parse(time) / 1000) * 1000)

function showClock(row: TestClockRow): z.infer<typeof testClockShown> {
  return {
    id: row.clockId,
    frozen_time: row.frozenTime.toISOString(),
    status: row.status,
    ...(row.status === 'advancing' && { target_time: row.targetTime.toISOString() }),
    ...(row.name !== null && { name: row.name }),
    created_at: row.createdAt.toISOString(),
  }
}
