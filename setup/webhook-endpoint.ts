import { API_VERSION } from '../providers/stripe/api-version.ts'
import type { StripeConfig } from '../config.ts'
import {
  createWebhookEndpoints,
  type WebhookEndpoint,
  type WebhookEndpoints,
} from '../providers/stripe/webhook-endpoint.ts'

export interface WebhookInput {
  stripe: Pick<StripeConfig, 'secretKey' | 'apiBase'>
  /** Where the API takes Stripe's events. */
  url: string
  /** The secret that an earlier set-up answered. With the endpoint's id, the endpoint follows a changed address. */
  known?: { endpointId?: string; secret: string } | undefined
  /** Whether an endpoint of that address whose secret we do not know may be replaced by a new one. Only where nobody else
   *  can be using it: until the new secret is everywhere, events are refused. */
  replaceUnknown?: boolean
}

export interface WebhookSecret {
  endpointId: string
  secret: string
}

/** Makes Stripe send its events to the address. Safe to repeat.
 *  @returns undefined when such an endpoint was there already and its secret is configured elsewhere.
 *  @throws when the endpoint speaks another API version, which cannot be changed once it is created. */
export async function ensureWebhookEndpoint(input: WebhookInput): Promise<WebhookSecret | undefined> {
  const { url, known, replaceUnknown = false } = input
  const endpoints = createWebhookEndpoints(input.stripe)
  const existing = await endpoints.list()
  const endpoint =
    existing.find(({ id }) => id === known?.endpointId) ?? existing.find((one) => one.url === url)
  if (!endpoint) return create(endpoints, url)

  const isKnown = known !== undefined && (known.endpointId ?? endpoint.id) === endpoint.id
  if (isKnown && endpoint.apiVersion === API_VERSION) {
    await endpoints.align(endpoint.id, url)
    return { endpointId: endpoint.id, secret: known.secret }
  }
  if (replaceUnknown) {
    await endpoints.remove(endpoint.id)
    return create(endpoints, url)
  }
  requireVersion(endpoint)
  await endpoints.align(endpoint.id, url)
  return undefined
}

async function create(endpoints: WebhookEndpoints, url: string): Promise<WebhookSecret> {
  const { id, secret } = await endpoints.create(url)
  if (!secret) throw new Error(`Stripe created the webhook endpoint ${id} without telling its secret`)
  return { endpointId: id, secret }
}

function requireVersion({ id, url, apiVersion }: WebhookEndpoint): void {
  if (apiVersion === API_VERSION) return
  throw new Error(
    `The webhook endpoint ${id} for ${url} speaks Stripe's API version ${apiVersion ?? 'of the account'}; this release ` +
      `needs ${API_VERSION}. Create a second endpoint for the new version, configure both secrets, then delete the old one.`,
  )
}
