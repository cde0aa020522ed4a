import type { OpenAPIHono } from '@hono/zod-openapi'
import type { BaseEnv } from './context.ts'
import { idempotencyKeyPattern, idempotencyNotes } from './idempotency.ts'

type Document = ReturnType<OpenAPIHono<BaseEnv>['getOpenAPI31Document']>

const description = `Quittance takes payments, subscriptions and credits for your product.

Send your project's key as \`Authorization: Bearer qk_test_…\`. Operators send their own key and name the project in \`X-Project-ID\`.
Amounts are whole minor units (USD 10.50 is 1050) with a lower-case ISO 4217 currency; times are RFC 3339 in UTC.
Errors are problem details (RFC 9457) with a \`code\` for programs and a \`request_id\` for us; all codes are listed at /docs/errors.`

/** Headers that every endpoint of the API understands; added here once, so that no route can forget one. */
const commonParameters = {
  ProjectId: {
    name: 'X-Project-ID',
    in: 'header',
    description: "For operators: the project to act for. With a project's own key it may be left out.",
    schema: { type: 'string' },
  },
  CorrelationId: {
    name: 'X-Correlation-ID',
    in: 'header',
    description:
      'Travels from here into logs, workflows and events: 1 to 128 letters, digits, ".", "_", ":" or "-". Minted where it is absent or anything else.',
    schema: { type: 'string' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: idempotencyNotes,
    schema: { type: 'string', pattern: idempotencyKeyPattern.source },
  },
} as const

/** The OpenAPI document, made from the very schemas that validate. */
export function describeApi(app: OpenAPIHono<BaseEnv>): Document {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Quittance', version: '1.0.0', description },
    servers: [{ url: '/' }],
  })
  document.components = {
    ...document.components,
    parameters: { ...document.components?.parameters, ...commonParameters },
    securitySchemes: {
      key: { type: 'http', scheme: 'bearer', description: "A project's key or an operator's." },
    },
  }
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    if (!path.startsWith('/api/v1/')) continue
    for (const [method, operation] of Object.entries({
      get: item.get,
      post: item.post,
      put: item.put,
      delete: item.delete,
    })) {
      if (!operation) continue
      operation.security = [{ key: [] }]
      operation.parameters = [
        ...(operation.parameters ?? []),
        { $ref: '#/components/parameters/ProjectId' },
        { $ref: '#/components/parameters/CorrelationId' },
        ...(method === 'post' ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
      ]
    }
  }
  return document
}
