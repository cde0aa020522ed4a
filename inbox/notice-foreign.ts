import type { Logger } from 'pino'
import type { ProviderEvent } from '../domain/provider.ts'
import { foreignEvents } from './metrics.ts'

/** An event is a hint: whatever shape or mode it has, its owner reads Stripe with our own version and key. But somebody has
 *  set up the endpoint differently from what this release expects, and must be told. */
export function noticeForeign(
  { eventId, type, apiVersion, livemode }: ProviderEvent,
  expected: { apiVersion: string; livemode: boolean; logger: Logger },
): void {
  const { logger } = expected
  if (apiVersion !== expected.apiVersion) {
    foreignEvents.inc({ difference: 'api_version' })
    logger.error(
      { eventId, type, apiVersion, expected: expected.apiVersion },
      'event of another API version: the webhook endpoint must be pinned to the version of this release',
    )
  }
  if (livemode !== expected.livemode) {
    foreignEvents.inc({ difference: 'livemode' })
    logger.error({ eventId, type, livemode }, 'event of the other mode: test and live must be kept apart')
  }
}
