import type { Account } from '../account.ts'
import { refuseWhileAdvancing } from '../processes/test-clocks.ts'
import type { RawHash } from './form.ts'

/** What Stripe locks while the test clock of its customer advances. Customers and their cards may be changed. */
const locked = /^(sub|si|in|ii|sub_sched)_/
const namingOwners = ['customer', 'subscription', 'invoice', 'from_subscription'] as const
const lockedCollections =
  /^\/v1\/(subscriptions|subscription_schedules|subscription_items|invoices|invoiceitems)\b/

/** Refuses to change what hangs on a test clock that is advancing. Reading is always allowed.
 *  @throws StripeError 429 */
export function refuseOnAdvancingClock(
  account: Account,
  request: { method: string; path: string },
  ids: string[],
  raw: RawHash,
): void {
  const reads = request.method === 'GET' || request.path === '/v1/invoices/create_preview'
  if (reads || !lockedCollections.test(request.path)) return
  const named = namingOwners.map((name) => raw[name]).filter((value) => typeof value === 'string')
  for (const id of [...ids.filter((id) => locked.test(id)), ...named]) {
    const object = account.find(id)
    if (object) refuseWhileAdvancing(account.clockOf(object))
  }
}
