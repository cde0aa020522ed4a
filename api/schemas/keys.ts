import { z } from '@hono/zod-openapi'
import { must, timestamp } from './fields.ts'

export const keyInput = z.strictObject({}, must('must be an empty object.')).openapi('NewKey')

export const keyCreated = z
  .object({
    key_id: z.string(),
    api_key: z.string().openapi({ description: 'Told once; only a hash of it is kept.' }),
    livemode: z.boolean(),
  })
  .openapi('KeyCreated')

const keyShown = z
  .object({
    key_id: z.string(),
    livemode: z.boolean(),
    created_at: timestamp,
    revoked_at: timestamp.nullable(),
  })
  .openapi('Key')
export const keyPage = z.object({ data: z.array(keyShown), next_cursor: z.null() }).openapi('KeyPage')
