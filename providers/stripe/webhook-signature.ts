import { Stripe } from 'stripe'
import { z } from 'zod'
import { BillingError } from '../../domain/errors.ts'
import type { ProviderEvent, WebhookVerifier } from '../../domain/provider.ts'

/** The envelope of Stripe's snapshot events, as far as we rely on it: https://docs.stripe.com/api/events/object */
const envelopeSchema = z.looseObject({
  object: z.literal('event'),
  id: z.string().min(1),
  type: z.string().min(1),
  created: z.int().nonnegative(),
  api_version: z.string().nullish(),
  account: z.string().nullish(),
  livemode: z.boolean(),
  data: z.looseObject({
    object: z.record(z.string(), z.unknown()),
    previous_attributes: z.record(z.string(), z.unknown()).nullish(),
  }),
})

export interface WebhookVerifierOptions {
  /** Two while a secret is being rotated. */
  secrets: string[]
  /** How old a signature may be: a recorded request cannot be sent again later. */
  toleranceSeconds?: number
}

/** Verifies Stripe's webhooks over their raw bodies. */
export function createWebhookVerifier({
  secrets,
  toleranceSeconds = 300,
}: WebhookVerifierOptions): WebhookVerifier {
  if (secrets.length === 0) throw new RangeError('a webhook verifier needs at least one secret')
  // Stripe's SDK reads 0 as "of any age".
  if (!(toleranceSeconds > 0)) throw new RangeError('the age of signatures must be limited')
  return (rawBody, signature) => {
    const isGenuine = secrets.some((secret) => matches(rawBody, signature, secret, toleranceSeconds))
    if (!isGenuine) throw new BillingError('webhook_signature_invalid')
    return parseEvent(rawBody)
  }
}

/** Only the SDK's explicit yes lets a body through. It throws for everything else, a malformed header included. */
function matches(rawBody: string, signature: string, secret: string, toleranceSeconds: number): boolean {
  const signatures = Stripe.webhooks.signature
  if (!signatures) throw new Error("Stripe's SDK came without its signature check")
  try {
    return signatures.verifyHeader(rawBody, signature, secret, toleranceSeconds)
  } catch {
    return false
  }
}

function parseEvent(rawBody: string): ProviderEvent {
  let body: unknown
  try {
    body = JSON.parse(rawBody)
  } catch (error) {
    throw new BillingError('malformed_body', { cause: error })
  }
  const parsed = envelopeSchema.safeParse(body)
  if (!parsed.success)
    throw new BillingError('malformed_body', { detail: 'The body is not a snapshot event of Stripe.' })
  const event = parsed.data
  const { object, previous_attributes: previousAttributes } = event.data
  return {
    eventId: event.id,
    type: event.type,
    createdAt: new Date(event.created * 1000),
    apiVersion: event.api_version ?? null,
    account: event.account ?? '',
    livemode: event.livemode,
    // A few objects have no id of their own: a balance, or an invoice that is only foretold.
    objectId: typeof object.id === 'string' ? object.id : '',
    payload: {
      ...event,
      data: { ...event.data, object, previous_attributes: previousAttributes ?? undefined },
    },
  }
}
