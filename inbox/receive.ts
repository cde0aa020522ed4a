import type { Database } from '../db/client.ts'
import { insertEvent } from '../db/inbox.ts'
import type { ProviderEvent } from '../domain/provider.ts'
import { routeOf, wakesNobody } from './routes.ts'

/** Stores a verified event. Once this has returned, the sender may be told 200: whatever happens now, the event is dispatched
 *  by the caller at once or by the sweep later. A `duplicate` has been stored before and needs nothing more; nor does one that is
 *  `closed`: most of what Stripe sends wakes nobody, and is closed in the statement that stores it. */
export async function receiveEvent(
  system: Database,
  event: ProviderEvent,
): Promise<'stored' | 'closed' | 'duplicate'> {
  const route = routeOf(event)
  const outcome = wakesNobody(route) ? route : undefined
  if (!(await insertEvent(system, event, outcome))) return 'duplicate'
  return outcome === undefined ? 'stored' : 'closed'
}
