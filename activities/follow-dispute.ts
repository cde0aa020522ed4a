import { writeAudit } from '../db/audit.ts'
import { findOwnerById } from '../db/charge-owners.ts'
import { lockCharge } from '../db/charges.ts'
import { inProject, type Transaction } from '../db/client.ts'
import {
  disputeData,
  type DisputeRow,
  findDispute,
  insertDispute,
  lockDispute,
  updateDispute,
} from '../db/disputes.ts'
import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { currentRefundPolicy } from '../db/refund-policies.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import {
  type DisputeSnapshot,
  type DisputeStatus,
  isClosed,
  isInquiry,
  reinstatedTransfers,
  withdrawnTransfers,
} from '../domain/disputes.ts'
import type { EventDraft } from '../domain/events.ts'
import type { DisputeId, PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import { describeMoney } from '../domain/money.ts'
import type { ChargeSnapshot } from '../domain/refunds.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runningSubscription } from './running-subscription.ts'
import type { Cause, Subject } from './scene.ts'

export interface FollowDisputeInput {
  projectId: ProjectId
  disputeId: DisputeId
  stripeDisputeId: string
  /** Whose charge it is about. */
  ownerId: PaymentId | SubscriptionId
  cause: Cause
}

/** A dispute as its workflow must know it. Times in milliseconds since 1970. */
export interface DisputeView {
  status: DisputeStatus
  amount: number
  currency: string
  reason: string
  evidenceDueAt?: number
  /** The subscription that ends with it, by policy. */
  cancels?: Subject
  /** The time of the customer's test clock. */
  clockNow?: number
}

/** Looks how a dispute stands and makes the rows follow: the money that the bank has taken or given back, status, audit and
 *  events. */
export function createFollowDispute({ database, provider, now }: ActivityDependencies) {
  return async function followDispute(input: FollowDisputeInput): Promise<DisputeView> {
    const { projectId, stripeDisputeId } = input
    const seen = await provider.readDispute(stripeDisputeId)
    const charge = await provider.readCharge({ chargeId: seen.stripeChargeId })
    if (!charge) throw new Error(`charge ${seen.stripeChargeId} is disputed and was not captured`)
    return inProject(database, projectId, async (transaction) => {
      const found = await ensureRow(transaction, input, charge, seen)
      const { at, clockId } = await timeOfCustomer(transaction, found, now())
      const recording = { transaction, cause: input.cause, at }
      await moveMoney(recording, found, seen)
      const row = await followStatus(recording, found, seen)
      const { policy } = await currentRefundPolicy(transaction, projectId)
      const cancels =
        policy.onDispute === 'cancel' && !isInquiry(row.status)
          ? await runningSubscription(transaction, row)
          : undefined
      return {
        status: row.status,
        amount: row.amount,
        currency: row.currency,
        reason: row.reason,
        ...(row.evidenceDueAt !== null && { evidenceDueAt: row.evidenceDueAt.getTime() }),
        ...(cancels && { cancels }),
        ...(clockId !== null && { clockNow: at.getTime() }),
      }
    })
  }

  async function ensureRow(
    transaction: Transaction,
    { projectId, disputeId, ownerId, cause }: FollowDisputeInput,
    charge: ChargeSnapshot,
    seen: DisputeSnapshot,
  ): Promise<DisputeRow> {
    const known = await lockDispute(transaction, projectId, disputeId)
    if (known) return known
    const owner = await findOwnerById(transaction, projectId, ownerId, charge.stripeInvoiceId)
    if (!owner) throw new Error(`${ownerId} of dispute ${disputeId} is missing`)
    const locked = await lockCharge(transaction, owner, charge)
    // Whoever held the charge before may have written it.
    const meanwhile = await lockDispute(transaction, projectId, disputeId)
    if (meanwhile) return meanwhile
    const row = await insertDispute(transaction, disputeId, locked, seen)
    const { at } = await timeOfCustomer(transaction, row, now())
    const asks = isInquiry(seen.status)
    const data = disputeData(row)
    await tell({ transaction, cause, at }, row, {
      what: 'opened',
      why: `The customer's bank ${asks ? 'asks about' : 'wants back'} ${describeMoney(seen.amount)} (${seen.reason}).`,
      events: [
        { type: 'dispute.opened', subject: disputeId, data },
        { type: 'alert.dispute_opened', subject: disputeId, data },
      ],
    })
    return row
  }
}

/** Reminds finance that evidence is due. */
export function createRemindOfDispute({ database, now }: ActivityDependencies) {
  return function remindOfDispute({
    projectId,
    disputeId,
    ordinal,
  }: {
    projectId: ProjectId
    disputeId: DisputeId
    ordinal: number
  }): Promise<void> {
    return inProject(database, projectId, async (transaction) => {
      const row = await findDispute(transaction, projectId, disputeId)
      if (!row) throw new Error(`dispute ${disputeId} is missing`)
      const { at } = await timeOfCustomer(transaction, row, now())
      await tell({ transaction, cause: { by: 'quittance' }, at }, row, {
        what: `reminder/${ordinal}`,
        why: 'Evidence is due soon, and none has been handed in.',
        events: [{ type: 'alert.dispute_evidence_due', subject: disputeId, data: disputeData(row) }],
      })
    })
  }
}

interface Recording {
  transaction: Transaction
  cause: Cause
  at: Date
}

/** Each time the money goes to the bank or comes back is an entry of its own. */
async function moveMoney(
  { transaction, at }: Recording,
  row: DisputeRow,
  { isWithdrawn, amount }: DisputeSnapshot,
): Promise<void> {
  if (row.isWithdrawn === isWithdrawn) return
  const { projectId, disputeId, userId, paymentId, invoiceId } = row
  const movements = row.movements + 1
  await enterLedger(transaction, {
    projectId,
    userId,
    ...(paymentId !== null && { paymentId }),
    ...(invoiceId !== null && { invoiceId }),
    intent: `${disputeId}/${isWithdrawn ? 'withdrawn' : 'reinstated'}/${movements}`,
    occurredAt: at,
    transfers: isWithdrawn ? withdrawnTransfers(amount) : reinstatedTransfers(amount),
  })
  await updateDispute(transaction, row, { isWithdrawn, movements })
}

async function followStatus(
  recording: Recording,
  row: DisputeRow,
  seen: DisputeSnapshot,
): Promise<DisputeRow> {
  const evidenceDueAt = seen.evidenceDueAt === undefined ? null : new Date(seen.evidenceDueAt)
  const hasEnded = isClosed(seen.status)
  const wasToldEnded = row.closedAt !== null
  if (row.status === seen.status && wasToldEnded === hasEnded) return row
  const updated = await updateDispute(recording.transaction, row, {
    status: seen.status,
    evidenceDueAt,
    closedAt: hasEnded ? recording.at : null,
  })
  await tell(recording, updated, {
    what: hasEnded ? `closed/${seen.status}` : seen.status,
    why: describeStatus(seen.status),
    events: hasEnded ? [{ type: 'dispute.closed', subject: row.disputeId, data: disputeData(updated) }] : [],
  })
  return updated
}

async function tell(
  { transaction, cause, at }: Recording,
  row: DisputeRow,
  { what, why, events }: { what: string; why: string; events: EventDraft[] },
): Promise<void> {
  const { projectId, disputeId, userId, correlationId } = row
  const intent = `${disputeId}/${what}`
  await once(transaction, { projectId, intent }, async () => {
    await writeAudit(transaction, {
      projectId,
      actor: cause.by,
      action: `dispute.${what.replace(/\/.*/, '')}`,
      subjectId: disputeId,
      why,
      correlationId,
      stripeIds: [row.stripeDisputeId, row.stripeChargeId],
      eventId: cause.eventId ?? null,
      amount: row.amount,
      currency: row.currency,
      after: { status: row.status },
      occurredAt: at,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, events)
  })
}

function describeStatus(status: DisputeStatus): string {
  switch (status) {
    case 'needs_response':
    case 'warning_needs_response':
      return 'The bank waits for evidence.'
    case 'under_review':
    case 'warning_under_review':
      return 'Evidence has been handed in: the bank decides.'
    case 'won':
      return 'The bank has decided for us: the money is back.'
    case 'lost':
      return 'The bank has decided for the customer: the money is gone.'
    case 'warning_closed':
    case 'prevented':
      return 'The bank asks no more.'
  }
}
