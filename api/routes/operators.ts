import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { deriveId } from '../../db/mint-id.ts'
import { insertOperator, listOperators, type OperatorRow, revokeOperator } from '../../db/operators.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forOperator } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { operatorCreated, operatorInput, operatorPage } from '../schemas/operators.ts'
import { readProblems, writeProblems } from '../schemas/problem.ts'
import { deriveKey, hashKey } from '../secrets.ts'

const tags = ['Operators']

export function operatorRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { system } = dependencies
  const managing = forOperator('manage_operators')

  app.openapi(
    createRoute({
      method: 'post',
      path: '/operators',
      tags,
      summary: 'Add an operator',
      description: 'For admins. The key in the answer is told once.',
      middleware: [managing, idempotent(dependencies)] as const,
      request: { body: { required: true, content: { 'application/json': { schema: operatorInput } } } },
      responses: {
        201: { description: 'The operator.', content: { 'application/json': { schema: operatorCreated } } },
        ...writeProblems,
      },
    }),
    async (c) => {
      const { operator, seed, bearer } = c.var
      const { name, role } = c.req.valid('json')
      const apiKey = deriveKey('qk_operator_', { seed, bearer })
      const row = await insertOperator(system, {
        operatorId: deriveId('op', seed.toString('hex')),
        name,
        role,
        keyHash: hashKey(apiKey),
        createdBy: operator.operatorId,
      })
      c.var.log.info({ operator_id: row.operatorId, role, actor: operator.operatorId }, 'operator added')
      return c.json({ ...showOperator(row), api_key: apiKey }, 201)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/operators',
      tags,
      summary: 'All operators, the revoked ones too',
      description: 'For admins. The first operator, whom the environment names, is not among them.',
      middleware: [managing] as const,
      responses: {
        200: { description: 'All operators.', content: { 'application/json': { schema: operatorPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const rows = await listOperators(system)
      return c.json({ data: rows.map(showOperator), next_cursor: null }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/operators/{operator_id}',
      tags,
      summary: "Revoke an operator's key at once",
      description: 'For admins. Revoking it again changes nothing.',
      middleware: [managing] as const,
      request: { params: z.object({ operator_id: z.string() }) },
      responses: { 204: { description: 'The key is revoked.' }, ...readProblems },
    }),
    async (c) => {
      const { operator_id: operatorId } = c.req.valid('param')
      if (!isId('op', operatorId) || !(await revokeOperator(system, operatorId)))
        throw new BillingError('not_found', { detail: 'There is no such operator.' })
      c.var.log.info({ operator_id: operatorId, actor: c.var.operator.operatorId }, 'operator revoked')
      return c.body(null, 204)
    },
  )
}

const showOperator = (row: OperatorRow) => ({
  operator_id: row.operatorId,
  name: row.name,
  role: row.role,
  created_by: row.createdBy,
  created_at: row.createdAt.toISOString(),
  revoked_at: row.revokedAt?.toISOString() ?? null,
})
