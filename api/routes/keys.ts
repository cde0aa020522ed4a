import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { writeAudit } from '../../db/audit.ts'
import { inProject } from '../../db/client.ts'
import { insertKey, listKeys, revokeKey } from '../../db/keys.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { keyCreated, keyInput, keyPage } from '../schemas/keys.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { deriveKey, hashKey } from '../secrets.ts'

const tags = ['Keys']

/** Rotation without downtime: make a key, deploy it, revoke the old one. */
export function keyRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies
  const managing = forProject(dependencies, 'manage_keys', 'project_id')
  const params = z.object({ project_id: z.string() })

  app.openapi(
    createRoute({
      method: 'post',
      path: '/projects/{project_id}/keys',
      tags,
      summary: 'Make another key for a project',
      description: 'For operators. The key is told once; the others keep working until they are revoked.',
      middleware: [managing, idempotent(dependencies)] as const,
      request: { params, body: { content: { 'application/json': { schema: keyInput } } } },
      responses: {
        201: { description: 'The new key.', content: { 'application/json': { schema: keyCreated } } },
        ...writeProblems,
      },
    }),
    async (c) => {
      const { tenant, seed, bearer, correlationId } = c.var
      const { projectId, actor } = tenant
      const apiKey = deriveKey(livemode ? 'qk_live_' : 'qk_test_', { seed, bearer })
      const keyHash = hashKey(apiKey)
      const keyId = deriveId('key', keyHash.toString('hex'))
      await inProject(application, projectId, async (transaction) => {
        if (!(await insertKey(transaction, { projectId, keyId, keyHash, livemode }))) return
        await writeAudit(transaction, {
          projectId,
          actor,
          action: 'key.created',
          subjectId: keyId,
          why: 'An operator made a key.',
          correlationId,
          stripeIds: [],
          after: { livemode },
          occurredAt: new Date(),
        })
      })
      return c.json({ key_id: keyId, api_key: apiKey, livemode }, 201)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/projects/{project_id}/keys',
      tags,
      summary: 'All keys of a project, the revoked ones too',
      description: 'For operators. Shows no key, only its id.',
      middleware: [managing] as const,
      request: { params },
      responses: {
        200: { description: 'All keys.', content: { 'application/json': { schema: keyPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const rows = await inProject(application, projectId, (transaction) => listKeys(transaction, projectId))
      const data = rows.map(({ keyId, livemode: ofLivemode, createdAt, revokedAt }) => ({
        key_id: keyId,
        livemode: ofLivemode,
        created_at: createdAt.toISOString(),
        revoked_at: revokedAt?.toISOString() ?? null,
      }))
      return c.json({ data, next_cursor: null }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/projects/{project_id}/keys/{key_id}',
      tags,
      summary: 'Revoke a key at once',
      description: 'For operators. Revoking it again changes nothing.',
      middleware: [managing] as const,
      request: { params: params.extend({ key_id: z.string() }) },
      responses: { 204: { description: 'The key is revoked.' }, ...readProblems },
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { projectId, actor } = tenant
      const { key_id: keyId } = c.req.valid('param')
      if (!isId('key', keyId)) throw new BillingError('not_found')
      await inProject(application, projectId, async (transaction) => {
        const revoked = await revokeKey(transaction, projectId, keyId)
        if (revoked === undefined) throw new BillingError('not_found')
        if (!revoked) return
        await writeAudit(transaction, {
          projectId,
          actor,
          action: 'key.revoked',
          subjectId: keyId,
          why: 'An operator revoked the key.',
          correlationId,
          stripeIds: [],
          occurredAt: new Date(),
        })
      })
      return c.body(null, 204)
    },
  )
}
