import { differencesOfBooks, readBooks } from '../support/books.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import type { Product } from '../support/product.ts'

/** What has been applied once changes nothing when it is applied again: delivered once more under its id, which the inbox sees;
 *  dispatched once more, as after a crash between the signal and its note; and told once more by an event of another id, which
 *  no workflow takes for one that it has seen. */
export async function changesByRepeats(product: Product): Promise<string[]> {
  const { sql, stripe, sendWebhook } = product
  const before = await readBooks(product)
  const { data } = await stripe.sdk.events.list({ limit: 40 })
  for (const event of data) await sendWebhook(event)
  await sql`
    update inbox set handled_at = null, outcome = null, next_attempt_at = now()
    where (event_id, event_created_at) in (select event_id, event_created_at from inbox
      where outcome in ('signaled', 'owner_finished', 'covered_by_first_read') order by random() limit 40)`
  await sql`
    insert into inbox (event_id, event_created_at, type, api_version, account, livemode, object_id, payload, next_attempt_at)
    select event_id || '_again', event_created_at, type, api_version, account, livemode, object_id, payload, now()
    from inbox where workflow_id is not null order by random() limit 40`
  await eventually('all are handled', async () => {
    const rows = await sql`select from inbox where handled_at is null`
    return rows.length === 0
  })
  const found = await findFlaws(product, { webhooksLost: true })
  return [...found, ...differencesOfBooks(before, await readBooks(product))]
}
