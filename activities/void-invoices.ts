import { inProject } from '../db/client.ts'
import { readCase, updateCase } from '../db/dunning.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { Subject } from './scene.ts'

/** Makes invoices of an ended subscription void: Stripe leaves them open, and somebody could still pay them.
 *  @returns those that were paid before. */
export function createVoidInvoices({ database, provider, now }: ActivityDependencies) {
  return async function voidInvoices({
    projectId,
    invoiceIds,
  }: Subject & { invoiceIds: string[] }): Promise<string[]> {
    const paid: string[] = []
    for (const invoiceId of invoiceIds) {
      if ((await provider.voidInvoice(invoiceId)) === 'paid') paid.push(invoiceId)
      await inProject(database, projectId, async (transaction) => {
        await updateCase(transaction, await readCase(transaction, projectId, invoiceId), {
          endActionAt: now(),
        })
      })
    }
    return paid
  }
}
