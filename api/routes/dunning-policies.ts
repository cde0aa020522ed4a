import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { writeAudit } from '../../db/audit.ts'
import { findLatestPlan } from '../../db/catalog.ts'
import { inProject } from '../../db/client.ts'
import { setPolicy } from '../../db/dunning.ts'
import { BillingError } from '../../domain/errors.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { policyInput, policySet, showDunningPolicy, toDunningPolicy } from '../schemas/dunning.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'

/** What a project, or one plan of it, does about failed renewals from now on. */
export function dunningPolicyRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application } = dependencies
  app.openapi(
    createRoute({
      method: 'put',
      path: '/projects/{project_id}/dunning-policy',
      tags: ['Projects'],
      summary: 'Set the dunning policy of a project or of one plan',
      description: 'For operators. Each setting is a new version; cases that are open keep theirs.',
      middleware: [forProject(dependencies, 'manage_projects', 'project_id')] as const,
      request: {
        params: z.object({ project_id: z.string() }),
        body: { required: true, content: { 'application/json': { schema: policyInput } } },
      },
      responses: {
        200: { description: 'Set.', content: { 'application/json': { schema: policySet } } },
        ...readProblems,
        413: writeProblems[413],
        415: writeProblems[415],
      },
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { projectId, actor } = tenant
      const { plan_id: planId, policy: input } = c.req.valid('json')
      const policy = toDunningPolicy(input)
      const version = await inProject(application, projectId, async (transaction) => {
        if (planId !== undefined && !(await findLatestPlan(transaction, projectId, planId)))
          throw new BillingError('plan_not_found', {
            fields: [
              {
                path: 'plan_id',
                message: `plan_id must name a plan of this project; there is no "${planId}".`,
              },
            ],
          })
        const version = await setPolicy(transaction, {
          projectId,
          planId: planId ?? '',
          policy,
          setBy: actor,
        })
        await writeAudit(transaction, {
          projectId,
          actor,
          action: 'project.dunning_policy_set',
          subjectId: projectId,
          why: 'An operator set a dunning policy.',
          correlationId,
          stripeIds: [],
          policyVersion: version,
          after: { plan_id: planId ?? null, ...showDunningPolicy(policy) },
          occurredAt: new Date(),
        })
        return version
      })
      const answer = {
        policy_version: version,
        ...(planId !== undefined && { plan_id: planId }),
        policy: showDunningPolicy(policy),
      }
      return c.json(answer, 200)
    },
  )
}
