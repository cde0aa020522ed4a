import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import type { Charge } from '../objects/charge.ts'
import { newDispute, type Dispute, type DisputeReason, type Evidence } from '../objects/dispute.ts'
import { changedMetadata } from '../objects/shared.ts'
import { testCard } from '../objects/test-cards.ts'
import type { MetadataChange } from '../http/parameters.ts'
import { closeDispute, isClosed, isInquiry, withdrawFunds } from './dispute-status.ts'
import { settleWarnings, warnOfFraud } from './early-fraud-warnings.ts'
import { failRefund, hasFailed } from './refunding.ts'

export const disputeDueJob = 'dispute_due'
export const decideDisputeJob = 'decide_dispute'

const day = 24 * 60 * 60
const decidingSeconds = 2

export interface Complaint {
  reason: DisputeReason
  inquiry?: boolean
  /** All that the customer still has paid when none is given. */
  amount?: number | undefined
  /** Eight days later at midnight when none is given. */
  dueBy?: number | undefined
}

/** The customer asks their bank for the money back. */
export function disputeCharge(account: Account, charge: Charge, complaint: Complaint): Dispute {
  const now = account.nowOf(charge.customer)
  const { reason, inquiry = false } = complaint
  const dispute = account.disputes.insert(
    newDispute({
      now,
      charge,
      amount: complaint.amount ?? charge.amount_captured - charge.amount_refunded,
      reason,
      inquiry,
      dueBy: complaint.dueBy ?? Math.floor(now / day + 9) * day - 1,
    }),
  )
  account.charges.change(charge, { disputed: true, dispute: dispute.id })
  if (!inquiry) withdrawFunds(account, dispute)
  account.emit('charge.dispute.created', dispute)
  if (!inquiry) account.emit('charge.dispute.funds_withdrawn', dispute)
  settleWarnings(account, charge)
  plan(account, disputeDueJob, dispute, dispute.evidence_details.due_by)
  return dispute
}

/** What becomes of a charge of a test card that is made to be disputed. */
export function followCard(account: Account, charge: Charge): void {
  const method = account.paymentMethods.get(charge.payment_method)
  const card = method && testCard(method.hidden.number)
  if (card?.complaint) disputeCharge(account, charge, card.complaint)
  if (card?.fraudWarning) warnOfFraud(account, charge, 'made_with_stolen_card')
}

export interface Answer {
  evidence?: Partial<Evidence> | undefined
  metadata?: MetadataChange | undefined
  /** False when the evidence is only laid out, to be handed in later. */
  submit?: boolean | undefined
}

/** Answers a dispute. What test mode knows for evidence decides it, a moment later; any other leaves it to the bank.
 *  @throws StripeError when it is decided already */
export function answerDispute(account: Account, dispute: Dispute, answer: Answer): void {
  refuseIfClosed(dispute)
  const { evidence_details: details } = dispute
  const evidence = { ...dispute.evidence, ...answer.evidence }
  const has_evidence = details.has_evidence || answer.evidence !== undefined
  const submits = has_evidence && (answer.submit ?? answer.evidence !== undefined)
  const previous = account.disputes.change(dispute, {
    evidence,
    metadata: changedMetadata(dispute.metadata, answer.metadata),
    evidence_details: {
      ...details,
      has_evidence,
      ...(submits && { submission_count: details.submission_count + 1, submission_method: 'manual' }),
    },
    ...(submits && { status: isInquiry(dispute) ? 'warning_under_review' : 'under_review' }),
  })
  account.emit('charge.dispute.updated', dispute, previous)
  if (!submits) return
  account.agenda.cancel(disputeDueJob, dispute.id)
  if (verdicts.has(evidence.uncategorized_text ?? ''))
    plan(account, decideDisputeJob, dispute, nowOf(account, dispute) + decidingSeconds)
}

export type Verdict = 'won' | 'lost' | 'escalated'

/** What evidence makes of a dispute in test mode (https://docs.stripe.com/testing#disputes). */
const verdicts = new Map<string, Verdict>([
  ['winning_evidence', 'won'],
  ['losing_evidence', 'lost'],
  ['escalate_inquiry_evidence', 'escalated'],
])

/** The bank has looked at the evidence. */
export function decideByEvidence(account: Account, id: string): void {
  const dispute = account.disputes.get(id)
  const verdict = verdicts.get(dispute?.evidence.uncategorized_text ?? '')
  if (dispute && verdict && !isClosed(dispute)) decideDispute(account, dispute, verdict)
}

export function decideDispute(account: Account, dispute: Dispute, verdict: Verdict): void {
  refuseIfClosed(dispute)
  if (verdict === 'escalated') return escalate(account, dispute)
  account.agenda.cancel(disputeDueJob, dispute.id)
  closeDispute(account, dispute, verdict)
}

/** Nobody has answered in time: the customer is right. */
export function closeOverdueDispute(account: Account, id: string): void {
  const dispute = account.disputes.get(id)
  if (dispute && !isClosed(dispute)) closeDispute(account, dispute, 'lost')
}

/** The bank is not content with asking. Refunds that were made meanwhile are taken back. A chargeback stays what it is. */
function escalate(account: Account, dispute: Dispute): void {
  if (!isInquiry(dispute)) return
  const charge = account.charges.must(dispute.charge)
  for (const refund of account.refunds.where('charge', charge.id))
    if (!hasFailed(refund)) failRefund(account, refund, 'charge_for_pending_refund_disputed')
  const previous = account.disputes.change(dispute, {
    status: 'needs_response',
    is_charge_refundable: false,
    payment_method_details: {
      ...dispute.payment_method_details,
      card: { ...dispute.payment_method_details.card, case_type: 'chargeback' },
    },
  })
  withdrawFunds(account, dispute)
  account.emit('charge.dispute.updated', dispute, previous)
  account.emit('charge.dispute.funds_withdrawn', dispute)
  plan(account, disputeDueJob, dispute, dispute.evidence_details.due_by)
}

function refuseIfClosed(dispute: Dispute): void {
  if (isClosed(dispute)) throw invalidRequest('This dispute is already closed')
}

const nowOf = (account: Account, { charge }: Dispute): number =>
  account.nowOf(account.charges.must(charge).customer)

const plan = (account: Account, job: string, dispute: Dispute, at: number): void =>
  account.agenda.plan(job, dispute.id, at, account.clockOf(dispute)?.id ?? null)
