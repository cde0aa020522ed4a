import type { Database } from '../db/client.ts'
import { insertEvent } from '../db/inbox.ts'
import type { ProviderEvent } from '../domain/provider.ts'

/** Stores a verified event. Once this has returned, the sender may be told 200: whatever happens now, the event is dispatched
 *  by the caller at once or by the sweep later. A `duplicate` has been stored before and needs nothing more. */
export async function receiveEvent(system: Database, event: ProviderEvent): Promise<'stored' | 'duplicate'> {
  return (await insertEvent(system, event)) ? 'stored' : 'duplicate'
}
