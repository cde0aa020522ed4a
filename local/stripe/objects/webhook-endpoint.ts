import { newId, randomText } from '../store/ids.ts'
import type { Metadata } from './shared.ts'

export type WebhookEndpoint = ReturnType<typeof newWebhookEndpoint>

export function newWebhookEndpoint(given: {
  now: number
  url: string
  enabledEvents: string[]
  apiVersion: string | null
  description: string | null
  metadata: Metadata
}) {
  return {
    id: newId('we'),
    object: 'webhook_endpoint' as const,
    api_version: given.apiVersion,
    application: null,
    created: given.now,
    description: given.description,
    enabled_events: given.enabledEvents,
    livemode: false,
    metadata: given.metadata,
    status: 'enabled' as 'enabled' | 'disabled',
    url: given.url,
    hidden: { secret: `whsec_${randomText(32)}` },
  }
}
