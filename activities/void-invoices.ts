import { inProject } from '../db/client.ts'
import { listCases, updateCase } from '../db/dunning.ts'
import { lateRefundOf } from '../db/late-refund.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { RefundDue } from './run-command.ts'
import type { Subject } from './scene.ts'

/** Makes invoices of an ended subscription void: Stripe leaves them open, and somebody could still pay them.
 *  @returns the refunds of those that were paid before: nobody owed them any more. */
export function createVoidInvoices({ database, provider, now }: ActivityDependencies) {
  return async function voidInvoices({
    invoiceIds,
    ...subject
  }: Subject & { invoiceIds: string[] }): Promise<RefundDue[]> {
    const { projectId, subscriptionId } = subject
    const paid: string[] = []
    for (const invoiceId of invoiceIds) {
      if ((await provider.voidInvoice(invoiceId)) === 'paid') paid.push(invoiceId)
      await inProject(database, projectId, async (transaction) => {
        const cases = await listCases(transaction, projectId, [subscriptionId])
        const found = cases.find((one) => one.invoiceId === invoiceId)
        if (found) await updateCase(transaction, found, { endActionAt: now() })
      })
    }
    return paid.map((invoiceId) => lateRefundOf(subject, invoiceId))
  }
}
