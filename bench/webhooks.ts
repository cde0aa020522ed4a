import { createHmac, randomBytes } from 'node:crypto'
import { API_VERSION } from '../providers/stripe/api-version.ts'

/** An event as Stripe sends it. */
export function eventBody(type: string, object: unknown): string {
  return JSON.stringify({
    id: `evt_${randomBytes(12).toString('hex')}`,
    object: 'event',
    api_version: API_VERSION,
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
    data: { object },
  })
}

/** https://docs.stripe.com/webhooks#verify-manually */
export function signatureOf(body: string, secret: string): string {
  const time = Math.floor(Date.now() / 1000)
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`
}
