import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { findSubscription, listSubscriptions, type SubscriptionWithPlan } from '../../db/subscriptions.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import { heldRoles } from '../../domain/roles.ts'
import { hasAccess } from '../../domain/subscription.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { readProblems } from '../schemas/problem.ts'
import { subscriptionParams, subscriptionShown, userSubscriptions } from '../schemas/subscriptions.ts'

export function subscriptionRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies
  app.openapi(
    createRoute({
      method: 'get',
      path: '/subscriptions/{user_id}',
      tags: ['Subscriptions'],
      summary: 'What a user has now, or one subscription',
      description: 'A user who never bought anything has no access and no subscriptions; that is no error.',
      middleware: [forProject(dependencies, 'read')] as const,
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
      if (isId('sbs', name)) {
        const found = await inProject(application, projectId, (transaction) =>
          findSubscription(transaction, projectId, name),
        )
        if (!found || found.subscription.livemode !== livemode) throw new BillingError('not_found')
        return c.json(showSubscription(found), 200)
      }
      const all = await inProject(application, projectId, (transaction) =>
        listSubscriptions(transaction, projectId, name, livemode),
      )
      const answer = {
        user_id: name,
        has_access: all.some(({ subscription }) => hasAccess(subscription.status)),
        roles: heldRoles(
          all.map(({ subscription, plan }) => ({ status: subscription.status, roles: plan.roles })),
        ),
        subscriptions: all.map(showSubscription),
      }
      return c.json(answer, 200)
    },
  )
}

/** Failed renewals are not collected by cases yet. */
const noDunningCases: { invoice_id: string; status: string }[] = []

function showSubscription({ subscription, plan }: SubscriptionWithPlan) {
  return {
    subscription_id: subscription.subscriptionId,
    user_id: subscription.userId,
    plan_id: subscription.planId,
    plan_version: subscription.planVersion,
    quantity: subscription.quantity,
    status: subscription.status,
    has_access: hasAccess(subscription.status),
    roles: heldRoles([{ status: subscription.status, roles: plan.roles }]),
    current_period_start: subscription.currentPeriodStart.toISOString(),
    current_period_end: subscription.currentPeriodEnd.toISOString(),
    cancel_at_period_end: subscription.cancelAtPeriodEnd,
    ...(subscription.trialEnd && { trial_end: subscription.trialEnd.toISOString() }),
    dunning_cases: noDunningCases,
    stripe_subscription_id: subscription.stripeSubscriptionId,
    payment_id: subscription.paymentId,
    created_at: subscription.createdAt.toISOString(),
  }
}
