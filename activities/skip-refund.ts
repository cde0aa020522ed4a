import { inProject } from '../db/client.ts'
import { readRefund, type RefundRow } from '../db/refunds.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'
import type { RefundSnapshot, RefundStatus } from '../domain/refunds.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { createFollowRefund } from './follow-refund.ts'
import { recordRefund } from './record-refund.ts'

/** What an operator has left out: it has failed, and its amount and credits are free again. Only what Stripe has made after all
 *  is followed instead, because that money is gone. */
export function createSkipRefund(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const follow = createFollowRefund(dependencies)

  return async function skipRefund({
    projectId,
    refundId,
  }: {
    projectId: ProjectId
    refundId: RefundId
  }): Promise<RefundStatus> {
    const cause = { by: 'quittance' }
    const row = await inProject(database, projectId, (transaction) =>
      readRefund(transaction, projectId, refundId),
    )
    if (row.status !== 'pending' || row.stripeRefundId !== null) return row.status
    if (await findMade(row)) return (await follow({ projectId, refundId, cause })).status
    const skipped = await inProject(database, projectId, (transaction) =>
      recordRefund(transaction, row, { failureCode: 'skipped_by_operator' }, { cause, now: now() }),
    )
    return skipped.status
  }

  async function findMade({
    refundId,
    stripeChargeId: chargeId,
  }: RefundRow): Promise<RefundSnapshot | undefined> {
    try {
      return await provider.findRefund({ refundId, chargeId })
    } catch (error) {
      // Of a charge that Stripe does not know there is no refund.
      if (error instanceof BillingError && error.code === 'provider_object_missing') return undefined
      throw error
    }
  }
}
