import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { findSubscription, listSubscriptions } from '../../db/subscriptions.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import { heldRoles } from '../../domain/roles.ts'
import { hasAccess } from '../../domain/subscription.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { readProblems } from '../schemas/problem.ts'
import {
  oneSubscriptionParams,
  subscriptionParams,
  subscriptionShown,
  timelinePage,
  userSubscriptions,
} from '../schemas/subscriptions.ts'
import { showSubscriptions } from '../show-subscription.ts'
import { showTimeline } from '../show-timeline.ts'

const tags = ['Subscriptions']

export function subscriptionRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies
  const reading = forProject(dependencies, 'read')

  app.openapi(
    createRoute({
      method: 'get',
      path: '/subscriptions/{user_id}',
      tags,
      summary: 'What a user has now, or one subscription',
      description: 'A user who never bought anything has no access and no subscriptions; that is no error.',
      middleware: [reading] as const,
      request: { params: subscriptionParams },
      responses: {
        200: {
          description: 'All subscriptions of the user with what they grant, or the one that was named.',
          content: { 'application/json': { schema: z.union([userSubscriptions, subscriptionShown]) } },
        },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { user_id: name } = c.req.valid('param')
      const answer = await inProject(application, projectId, async (transaction) => {
        if (isId('sbs', name)) {
          const found = await findSubscription(transaction, projectId, name)
          if (!found || found.subscription.livemode !== livemode) return undefined
          return (await showSubscriptions(transaction, projectId, [found]))[0]
        }
        const all = await listSubscriptions(transaction, projectId, name, livemode)
        return {
          user_id: name,
          has_access: all.some(({ subscription }) => hasAccess(subscription)),
          roles: heldRoles(all.map(({ subscription, plan }) => ({ ...subscription, roles: plan.roles }))),
          subscriptions: await showSubscriptions(transaction, projectId, all),
        }
      })
      if (!answer) throw new BillingError('not_found')
      return c.json(answer, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/subscriptions/{subscription_id}/timeline',
      tags,
      summary: 'Each thing that happened to a subscription, in order',
      description:
        'What, why, by whom, under which version of the dunning policy, and the event that led to it.',
      middleware: [reading] as const,
      request: { params: oneSubscriptionParams },
      responses: {
        200: { description: 'All of it.', content: { 'application/json': { schema: timelinePage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { subscription_id: name } = c.req.valid('param')
      if (!isId('sbs', name)) throw new BillingError('not_found')
      const data = await inProject(application, projectId, async (transaction) => {
        const found = await findSubscription(transaction, projectId, name)
        if (!found || found.subscription.livemode !== livemode) return undefined
        return showTimeline(transaction, projectId, name)
      })
      if (!data) throw new BillingError('not_found')
      return c.json({ data, next_cursor: null }, 200)
    },
  )
}
