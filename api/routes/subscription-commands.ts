import { createRoute, type OpenAPIHono, type z } from '@hono/zod-openapi'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import type { SubscriptionUpdate } from '../orchestrator.ts'
import { performCommand } from '../perform-command.ts'
import { previewChange } from '../preview-change.ts'
import { commandProblems, writeProblems } from '../schemas/problem.ts'
import {
  cancelInput,
  changeInput,
  changePreview,
  oneSubscriptionParams,
  pauseInput,
  plainCommandInput,
  subscriptionShown,
} from '../schemas/subscriptions.ts'

const tags = ['Subscriptions']

/** What may be asked of a subscription. Each is an update of its workflow, so that the caller gets the answer or the refusal. */
export function subscriptionCommandRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const managing = forProject(dependencies, 'manage_subscriptions')
  const repeatable = idempotent(dependencies)
  const params = oneSubscriptionParams
  const responses = {
    200: {
      description: 'Done: the subscription as it is now.',
      content: { 'application/json': { schema: subscriptionShown } },
    },
    ...commandProblems,
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/change-plan',
      tags,
      summary: 'Change the plan or the quantity, now or at the period’s end',
      description:
        'Now: the difference for the rest of the period is charged at once, and the change counts when it is paid. A declined charge is 402 and leaves everything as it was; one that needs the customer’s bank becomes `pending_change` with a link. Naming the current plan takes a pending change back.',
      middleware: [managing, repeatable] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: changeInput } } } },
      responses,
    }),
    async (c) => {
      const input = c.req.valid('json')
      const { plan_id, when, quantity, reason } = input
      const { subscription_id: name } = c.req.valid('param')
      const update = (by: string): SubscriptionUpdate => ({
        kind: 'changePlan',
        args: { plan_id, when, ...(quantity !== undefined && { quantity }), ...asked(by, reason) },
      })
      return c.json(
        await performCommand(dependencies, c.var, { name, command: toPlanChange(input), update }),
        200,
      )
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/cancel',
      tags,
      summary: 'End a subscription, now or with its period',
      description: 'Now: access ends, open invoices become void, and nothing is charged any more.',
      middleware: [managing, repeatable] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: cancelInput } } } },
      responses,
    }),
    async (c) => {
      const { at, reason } = c.req.valid('json')
      const { subscription_id: name } = c.req.valid('param')
      return c.json(
        await performCommand(dependencies, c.var, {
          name,
          command: { kind: 'cancel', at },
          update: (by) => ({ kind: 'cancel', args: { at, ...asked(by, reason) } }),
        }),
        200,
      )
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/pause',
      tags,
      summary: 'Pause a subscription',
      description: 'No access and no charge. The unused time becomes credit, which resuming takes off.',
      middleware: [managing, repeatable] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: pauseInput } } } },
      responses,
    }),
    async (c) => {
      const { until, reason } = c.req.valid('json')
      const { subscription_id: name } = c.req.valid('param')
      return c.json(
        await performCommand(dependencies, c.var, {
          name,
          command: { kind: 'pause', ...(until !== undefined && { until: Date.parse(until) }) },
          update: (by) => ({
            kind: 'pause',
            args: { ...(until !== undefined && { until }), ...asked(by, reason) },
          }),
        }),
        200,
      )
    },
  )

  for (const [path, kind, summary, description] of [
    [
      'resume',
      'resume',
      'End a pause, or take back a cancellation',
      'Ends a pause if there is one, which charges the new period at once; else a cancellation at the period’s end is taken back.',
    ],
    [
      'retry-payment',
      'retryPayment',
      'Charge the oldest unpaid invoice again, now',
      'Uses up none of the scheduled retries. Declined again is 402.',
    ],
  ] as const) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/subscriptions/{subscription_id}/${path}`,
        tags,
        summary,
        description,
        middleware: [managing, repeatable] as const,
        request: {
          params,
          body: { required: true, content: { 'application/json': { schema: plainCommandInput } } },
        },
        responses,
      }),
      async (c) => {
        const { reason } = c.req.valid('json')
        const { subscription_id: name } = c.req.valid('param')
        return c.json(
          await performCommand(dependencies, c.var, {
            name,
            command: { kind },
            update: (by) => ({ kind, args: asked(by, reason) }),
          }),
          200,
        )
      },
    )
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/preview-change',
      tags,
      summary: 'What a change of plan would cost',
      description: 'Changes nothing. At the period’s end it is what the next period will cost.',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: changeInput } } } },
      responses: {
        200: {
          description: 'What would be charged.',
          content: { 'application/json': { schema: changePreview } },
        },
        ...writeProblems,
        409: commandProblems[409],
        502: commandProblems[502],
      },
    }),
    async (c) => {
      const { subscription_id: name } = c.req.valid('param')
      const change = toPlanChange(c.req.valid('json'))
      return c.json(await previewChange(dependencies, c.var.tenant.projectId, name, change), 200)
    },
  )
}

const asked = (by: string, reason: string | undefined) => ({ by, ...(reason !== undefined && { reason }) })

const toPlanChange = ({ plan_id: planId, when, quantity }: z.infer<typeof changeInput>) => ({
  kind: 'changePlan' as const,
  planId,
  when,
  ...(quantity !== undefined && { quantity }),
})
