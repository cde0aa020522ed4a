import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { writeAudit } from '../../db/audit.ts'
import { inProject } from '../../db/client.ts'
import { setRefundPolicy } from '../../db/refund-policies.ts'
import type { RefundPolicy } from '../../domain/refunds.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { refundPolicyInput, refundPolicySet } from '../schemas/refunds.ts'

/** What a project does about refunds, disputes and warnings of fraud from now on. */
export function refundPolicyRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application } = dependencies

  app.openapi(
    createRoute({
      method: 'put',
      path: '/projects/{project_id}/refund-policy',
      tags: ['Projects'],
      summary: 'Set what a project does about refunds and disputes',
      description: 'For operators. It holds for what begins from now on.',
      middleware: [forProject(dependencies, 'manage_projects', 'project_id')] as const,
      request: {
        params: z.object({ project_id: z.string() }),
        body: { required: true, content: { 'application/json': { schema: refundPolicyInput } } },
      },
      responses: {
        200: { description: 'Set.', content: { 'application/json': { schema: refundPolicySet } } },
        ...readProblems,
        413: writeProblems[413],
        415: writeProblems[415],
      },
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { projectId, actor } = tenant
      const input = c.req.valid('json')
      const version = await inProject(application, projectId, async (transaction) => {
        const set = await setRefundPolicy(transaction, { projectId, policy: toPolicy(input), setBy: actor })
        await writeAudit(transaction, {
          projectId,
          actor,
          action: 'project.refund_policy_set',
          subjectId: projectId,
          why: 'An operator set the refund policy.',
          correlationId,
          stripeIds: [],
          policyVersion: set,
          after: input,
          occurredAt: new Date(),
        })
        return set
      })
      return c.json({ policy_version: version, policy: input }, 200)
    },
  )
}

const toPolicy = (input: z.infer<typeof refundPolicyInput>): RefundPolicy => ({
  ...(input.approval_above !== null && { approvalAbove: input.approval_above }),
  subscription: input.subscription,
  credits: input.credits,
  onCancellation: input.on_cancellation,
  onDispute: input.on_dispute,
  onFraudWarning: input.on_fraud_warning,
})
