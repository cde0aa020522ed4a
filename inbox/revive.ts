import type { Client, WorkflowExecutionInfo } from '@temporalio/client'
import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { findDisputeOwner } from '../db/disputes.ts'
import { findClockOf, findOpenCase, findPaymentOwner, findSubscriptionOwner } from '../db/owners.ts'
import { findRefundOwner } from '../db/refunds.ts'
import { isClosed } from '../domain/disputes.ts'
import { type DisputeId, isId, type ProjectId, type RefundId } from '../domain/ids.ts'
import { searchAttributes } from '../workflows/search-attributes.ts'
import { checkoutStart, disputeStart, dunningStart, refundStart, subscriptionStart } from './starts.ts'

/** Brings back workflows that did not come to their own end: somebody terminated them, or they failed. Temporal's list of
 *  those is a hint, late and soon forgotten. The row decides whether there is anything left to do, and a run that is started
 *  anew reads Stripe and the rows first: what was charged, or told, is found done. */

export interface ReviveOptions {
  system: Database
  temporal: Client
  logger: Logger
  /** Runs that earlier rounds have dealt with. */
  known: ReadonlySet<string>
}

/** How far back Temporal is asked. Longer than anybody leaves all workers down. */
const WITHIN_MS = 7 * 24 * 3_600_000
const START_DEADLINE_MS = 5_000

/** @returns the runs that are dealt with. One whose workflow could not be started is left to the next round. */
export async function reviveEnded({ system, temporal, logger, known }: ReviveOptions): Promise<Set<string>> {
  const since = new Date(Date.now() - WITHIN_MS).toISOString()
  const query = `WorkflowType IN ('checkout', 'subscription', 'dunning', 'refund', 'dispute') AND ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut') AND CloseTime > '${since}'`
  const dealtWith = new Set<string>()
  for await (const ended of temporal.workflow.list({ query })) {
    const { workflowId, runId } = ended
    try {
      if (!known.has(runId) && (await revive(ended))) logger.warn({ workflowId }, 'workflow started again')
      dealtWith.add(runId)
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'unknown'
      logger.warn({ workflowId, reason }, 'workflow not started again')
    }
  }
  return dealtWith

  /** @returns whether it should run. Where it does by now, because it was reset or an event was quicker, that run is kept. */
  async function revive({ workflowId, typedSearchAttributes }: WorkflowExecutionInfo): Promise<boolean> {
    const projectId = typedSearchAttributes.get(searchAttributes.project) as ProjectId | undefined
    if (!projectId) return false
    const start = await startOf(projectId, workflowId)
    await start?.()
    return start !== undefined
  }

  async function startOf(projectId: ProjectId, workflowId: string) {
    const [, id = ''] = workflowId.split('/')
    if (isId('rfd', id)) return startOfRefund(projectId, id)
    if (isId('dsp', id)) return startOfDispute(projectId, id)
    if (isId('pay', id)) {
      const payment = await findPaymentOwner(system, { projectId, paymentId: id })
      if (payment?.status !== 'pending') return undefined
      return () => within(() => temporal.workflow.start('checkout', checkoutStart(payment)))
    }
    const waiting = isId('sbs', id) ? undefined : await findOpenCase(system, { projectId, invoiceId: id })
    const subscriptionId = isId('sbs', id) ? id : waiting?.subscriptionId
    const subscription =
      subscriptionId && (await findSubscriptionOwner(system, { projectId, subscriptionId }))
    if (!subscription || subscription.status === 'canceled') return undefined
    return waiting
      ? () => within(() => temporal.workflow.start('dunning', dunningStart(subscription, waiting.invoiceId)))
      : () => within(() => temporal.workflow.start('subscription', subscriptionStart(subscription)))
  }

  /** The sweep may be quicker with one that Stripe has not been asked for: that run is kept. */
  async function startOfRefund(projectId: ProjectId, refundId: RefundId) {
    const refund = await findRefundOwner(system, { projectId, refundId })
    if (refund?.status !== 'awaiting_approval' && refund?.status !== 'pending') return undefined
    const start = refundStart({ ...refund, clockId: await findClockOf(system, refund) })
    return () => within(() => temporal.workflow.start('refund', start))
  }

  async function startOfDispute(projectId: ProjectId, disputeId: DisputeId) {
    const dispute = await findDisputeOwner(system, { projectId, disputeId })
    const ownerId = dispute?.paymentId ?? dispute?.subscriptionId
    if (!dispute || !ownerId || isClosed(dispute.status)) return undefined
    const { stripeDisputeId, userId, correlationId } = dispute
    const clockId = await findClockOf(system, dispute)
    const start = disputeStart({
      projectId,
      disputeId,
      stripeDisputeId,
      ownerId,
      userId,
      correlationId,
      clockId,
    })
    return () => within(() => temporal.workflow.start('dispute', start))
  }

  function within<Result>(call: () => Promise<Result>): Promise<Result> {
    return temporal.withDeadline(Date.now() + START_DEADLINE_MS, call)
  }
}
