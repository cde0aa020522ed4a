import type { Database } from '../db/client.ts'
import { attemptsOf } from '../db/inbox.ts'
import type { ProviderEvent } from '../domain/provider.ts'

/** The charge that an event is about may be so young that nothing of ours has seen it: a bank can dispute it, and somebody
 *  refund it in the dashboard, in the second in which it is made. Such an event comes again for some minutes; then it is taken
 *  for one of another application on the same account, and what it tells is left to reconciliation. */
const PATIENCE = 7

export class OwnerNotKnownYet extends Error {
  override name = 'OwnerNotKnownYet'
}

/** @throws OwnerNotKnownYet as long as the event is to come again. */
export async function giveTime(
  system: Database,
  event: Pick<ProviderEvent, 'eventId' | 'createdAt'>,
): Promise<void> {
  if ((await attemptsOf(system, event)) < PATIENCE) throw new OwnerNotKnownYet()
}
