import type { Transaction } from '../db/client.ts'
import type { CustomerRow } from '../db/customers.ts'
import { addNotice } from '../db/notices.ts'
import type { EventDraft } from '../domain/events.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { NoticeData } from '../domain/notices.ts'

/** Leaves what the customer is told for the mail relay, with the events that tell the project the same. */
export async function addNotices(
  transaction: Transaction,
  {
    projectId,
    customer,
    intent,
    events,
  }: { projectId: ProjectId; customer: CustomerRow; intent: string; events: EventDraft[] },
): Promise<void> {
  for (const { type, data } of events) {
    if (!type.startsWith('notice.')) continue
    await addNotice(transaction, {
      projectId,
      noticeId: `${intent}/${type}`,
      customerId: customer.customerId,
      livemode: customer.livemode,
      data: data as NoticeData,
    })
  }
}
