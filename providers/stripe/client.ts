import { Stripe } from 'stripe'
import type { StripeConfig } from '../../config.ts'
import { API_VERSION } from './api-version.ts'

/** The one way to Stripe. The version is pinned, so that an upgrade of the package cannot change shapes unseen. */
export function createStripeClient({
  secretKey,
  apiBase,
}: Pick<StripeConfig, 'secretKey' | 'apiBase'>): Stripe {
  const base = apiBase === undefined ? undefined : new URL(apiBase)
  return new Stripe(secretKey, {
    apiVersion: API_VERSION,
    // One quick repeat of a broken connection, under the same effect key; longer outages are the workflow's to wait out.
    maxNetworkRetries: 1,
    timeout: 20_000,
    telemetry: false,
    ...(base && {
      host: base.hostname,
      port: base.port || (base.protocol === 'https:' ? 443 : 80),
      protocol: base.protocol === 'https:' ? 'https' : 'http',
    }),
  })
}
