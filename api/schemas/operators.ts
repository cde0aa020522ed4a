import { z } from '@hono/zod-openapi'
import { displayName, must, timestamp } from './fields.ts'

const roleRule = must('must be "viewer", "support" or "admin".')
const operatorRole = z.enum(['viewer', 'support', 'admin'], roleRule).openapi({
  description:
    'A viewer reads; support also starts payments for a project; an admin also manages projects, keys and operators.',
})

export const operatorInput = z
  .strictObject(
    { name: displayName('Ana Souza'), role: operatorRole },
    must('must be an object that describes an operator.'),
  )
  .openapi('NewOperator')

const operatorShown = z
  .object({
    operator_id: z.string(),
    name: z.string(),
    role: operatorRole,
    created_by: z.string(),
    created_at: timestamp,
    revoked_at: timestamp.nullable(),
  })
  .openapi('Operator')
export const operatorCreated = operatorShown
  .extend({ api_key: z.string().openapi({ description: 'Told once; only a hash of it is kept.' }) })
  .openapi('OperatorCreated')
export const operatorPage = z
  .object({ data: z.array(operatorShown), next_cursor: z.null() })
  .openapi('OperatorPage')
