import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { receiveEvent } from '../../inbox/receive.ts'
import { BillingError } from '../../domain/errors.ts'
import type { BaseEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { PROBLEM_TYPE } from '../problem.ts'
import { readText } from '../read-body.ts'
import { problemSchema } from '../schemas/problem.ts'

/** Stripe's events are some tens of kilobytes; a subscription with many items is more. */
const MAX_WEBHOOK_BYTES = 1024 * 1024

export function webhookRoutes(
  app: OpenAPIHono<BaseEnv>,
  { system, verifyWebhook, dispatcher, metrics }: ApiDependencies,
): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/webhooks/stripe',
      tags: ['Webhooks'],
      summary: 'Where Stripe sends its events',
      description: 'The raw body is verified against `Stripe-Signature`, stored, and only then answered.',
      request: {
        headers: z.looseObject({ 'stripe-signature': z.string().optional() }),
      },
      responses: {
        200: {
          description: 'Stored, now or before.',
          content: { 'application/json': { schema: z.object({ received: z.literal(true) }) } },
        },
        400: {
          description: 'The signature does not match.',
          content: { [PROBLEM_TYPE]: { schema: problemSchema } },
        },
        413: { description: 'Too large.', content: { [PROBLEM_TYPE]: { schema: problemSchema } } },
        503: {
          description: 'Not stored: send it again.',
          content: { [PROBLEM_TYPE]: { schema: problemSchema } },
        },
      },
    }),
    async (c) => {
      const signature = c.req.header('Stripe-Signature')
      const body = await readText(c, MAX_WEBHOOK_BYTES)
      const event = verify(signature, body)
      const outcome = await receiveEvent(system, event)
      metrics.webhooks.inc({ type: event.type, outcome: outcome === 'duplicate' ? outcome : 'stored' })
      // Stripe has waited long enough once the event is stored; what cannot be dispatched now is taken up by the sweep.
      if (outcome === 'stored') void dispatcher.dispatch(event)
      else if (outcome === 'closed') dispatcher.note(event)
      return c.json({ received: true as const }, 200)
    },
  )

  function verify(signature: string | undefined, body: string) {
    try {
      if (signature === undefined) throw new BillingError('webhook_signature_invalid')
      return verifyWebhook(body, signature)
    } catch (error) {
      metrics.webhooks.inc({ type: 'unverified', outcome: 'refused' })
      throw error
    }
  }
}
