import { acceptRefund, leftToRefund } from '../db/accept-refund.ts'
import { findOwnerById } from '../db/charge-owners.ts'
import { lockCharge } from '../db/charges.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { deriveId } from '../db/mint-id.ts'
import { findProject } from '../db/projects.ts'
import { currentRefundPolicy } from '../db/refund-policies.ts'
import { findSubscription } from '../db/subscriptions.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { isId, type ProjectId, type RefundId } from '../domain/ids.ts'
import { money } from '../domain/money.ts'
import { type ChargeSnapshot, needsApproval, type RefundOpening, unusedMinor } from '../domain/refunds.ts'
import type { ActivityDependencies } from './dependencies.ts'

export type Cancellation = Extract<RefundOpening, { kind: 'cancellation' }>

interface Proration {
  projectId: ProjectId
  refundId: RefundId
  opening: Cancellation
}

/** Reaches back over the longest period that Stripe knows, and what was paid for it shortly before. */
const LONGEST_PERIOD_MS = 400 * 24 * 60 * 60 * 1000

/** Gives back what was paid for the rest of the period of a subscription that was canceled at once. A change of plan spreads that
 *  over several charges: the newest gives first, each what is left of it, and each in a refund of its own. The first bears the
 *  refund's id and is the caller's to follow; the sweep starts the others from their rows. */
export function createProrateRefund({ database, provider, now }: ActivityDependencies) {
  return async function prorateRefund(proration: Proration): Promise<boolean> {
    const { projectId, opening } = proration
    const { ownerId, endedAt } = opening
    if (!isId('sbs', ownerId)) return false
    const found = await inProject(database, projectId, (transaction) =>
      findSubscription(transaction, projectId, ownerId),
    )
    if (!found) return false
    const paid = await provider.listPaidInvoices({
      providerSubscriptionId: found.subscription.stripeSubscriptionId,
      since: endedAt - LONGEST_PERIOD_MS,
    })
    const unpassed = paid.filter(({ lines }) => lines.some(({ period }) => period.end > endedAt))
    const charges = await readCharges(unpassed.map(({ invoiceId }) => invoiceId))
    if (charges.some(({ isDisputed }) => isDisputed)) return false
    const unused = unusedMinor(unpassed, endedAt)
    return inProject(database, projectId, (transaction) => give(transaction, proration, charges, unused))
  }

  async function readCharges(invoiceIds: string[]): Promise<ChargeSnapshot[]> {
    const read = await Promise.all(invoiceIds.map((invoiceId) => provider.readCharge({ invoiceId })))
    // What cost nothing has none.
    return read.filter((charge) => charge !== undefined)
  }

  /** @returns whether there is anything that goes back. */
  async function give(
    transaction: Transaction,
    { projectId, refundId, opening }: Proration,
    charges: ChargeSnapshot[],
    unused: number,
  ): Promise<boolean> {
    const { policy } = await currentRefundPolicy(transaction, projectId)
    const project = await findProject(transaction, projectId)
    let due = unused
    for (const reading of charges) {
      const owner = await findOwnerById(transaction, projectId, opening.ownerId, reading.stripeInvoiceId)
      if (!owner) continue
      const { at } = await timeOfCustomer(transaction, owner, now())
      const charge = await lockCharge(transaction, owner, reading)
      const { left } = await leftToRefund(transaction, charge, reading, { takesCredits: false })
      const amount = Math.min(due, left)
      if (amount <= 0) continue
      const isFirst = due === unused
      await acceptRefund(transaction, charge, reading, {
        refundId: isFirst ? refundId : deriveId('rfd', projectId, refundId, charge.stripeChargeId),
        amount,
        reason: undefined,
        origin: 'cancellation',
        terms: (_amount, _left, inAll) => ({
          status: needsApproval(
            policy,
            // One decision, however many charges it is spread over.
            money(Math.max(inAll, unused), reading.captured.currency),
            project?.currency ?? '',
          )
            ? 'awaiting_approval'
            : 'pending',
          subscriptionAction: 'keep',
        }),
        requestedBy: opening.by,
        takesCredits: false,
        at,
        why: 'The subscription was canceled at once: what was paid for the rest of its period goes back.',
      })
      due -= amount
    }
    return due < unused
  }
}
