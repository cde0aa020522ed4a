import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import { newBalanceTransaction, type BalanceTransaction } from '../objects/balance-transaction.ts'
import { randomDigits, type Charge } from '../objects/charge.ts'
import {
  cardDestination,
  newRefund,
  type Refund,
  type RefundFailureReason,
  type RefundReason,
} from '../objects/refund.ts'
import { formatAmount, type Metadata } from '../objects/shared.ts'
import { testCard, type TestCard } from '../objects/test-cards.ts'
import { closeInquiries } from './dispute-status.ts'
import { settleWarnings } from './early-fraud-warnings.ts'

export const moveRefundJob = 'move_refund'
const movingSeconds = 2

export interface WantedRefund {
  /** All that is left when none is given. */
  amount: number | undefined
  reason?: RefundReason | undefined
  metadata?: Metadata
}

/** Gives money of a charge back. The balance changes at once, also where the bank takes its time or fails later.
 *  @throws StripeError when there is not as much left, or the bank has taken it back already */
export function refundCharge(account: Account, charge: Charge, wanted: WantedRefund): Refund {
  const amount = refundableOf(account, charge, wanted.amount)
  const refund = account.refunds.insert(
    newRefund({
      now: account.nowOf(charge.customer),
      charge,
      amount,
      status: behaviorOf(account, charge) === 'pending' ? 'pending' : 'succeeded',
      reason: wanted.reason,
      metadata: wanted.metadata ?? {},
    }),
  )
  const { id } = bookRefund(account, refund, 'refund')
  account.refunds.change(refund, { balance_transaction: id })
  const previous = countRefunded(account, charge, amount)
  account.emit('refund.created', refund)
  account.emit('charge.refunded', charge, previous)
  closeInquiries(account, charge)
  settleWarnings(account, charge)
  const clock = account.clockOf(refund)?.id ?? null
  account.agenda.plan(moveRefundJob, refund.id, refund.created + movingSeconds, clock)
  return refund
}

function refundableOf(account: Account, charge: Charge, wanted: number | undefined): number {
  if (!charge.paid)
    throw invalidRequest(
      `This PaymentIntent (${charge.payment_intent}) does not have a successful charge to refund.`,
    )
  if (!charge.captured)
    throw invalidRequest(
      `This uncaptured Charge was created by a PaymentIntent (${charge.payment_intent}). You must cancel the PaymentIntent to reverse the authorization instead of refunding the Charge directly. For more information, see https://stripe.com/docs/payments/place-a-hold-on-a-payment-method`,
    )
  const dispute = account.disputes.get(charge.dispute ?? '')
  if (dispute && !dispute.is_charge_refundable)
    throw invalidRequest(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    })
  const left = charge.amount_captured - charge.amount_refunded
  if (left === 0)
    throw invalidRequest(`Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    })
  const amount = wanted ?? left
  const written = (value: number): string => formatAmount(value, charge.currency)
  if (amount > left)
    throw invalidRequest(
      `Refund amount (${written(amount)}) is greater than unrefunded amount on charge (${written(left)})`,
      { param: 'amount' },
    )
  return amount
}

function behaviorOf(account: Account, charge: Charge): TestCard['refunds'] {
  const method = account.paymentMethods.get(charge.payment_method)
  return method && testCard(method.hidden.number).refunds
}

/** What a refund takes from the balance, or what it gives back to it when it fails. */
function bookRefund(account: Account, refund: Refund, type: 'refund' | 'refund_failure'): BalanceTransaction {
  const about = account.charges.must(refund.charge).description
  return account.balanceTransactions.insert(
    newBalanceTransaction({
      now: account.nowOf(refund.customer),
      type,
      reportingCategory: type,
      amount: type === 'refund' ? -refund.amount : refund.amount,
      currency: refund.currency,
      description: `REFUND ${type === 'refund' ? '' : 'FAILURE '}FOR CHARGE${about ? ` (${about})` : ''}`,
      source: refund.id,
      customer: refund.customer,
    }),
  )
}

/** @returns what changed of the charge */
function countRefunded(account: Account, charge: Charge, amount: number): Partial<Charge> {
  const refunded = charge.amount_refunded + amount
  return account.charges.change(charge, {
    amount_refunded: refunded,
    refunded: refunded === charge.amount_captured,
  })
}

/** A moment later the bank has answered. */
export function moveRefund(account: Account, id: string): void {
  const refund = account.refunds.get(id)
  if (!refund || hasFailed(refund)) return
  const charge = account.charges.must(refund.charge)
  if (behaviorOf(account, charge) === 'fail') failRefund(account, refund, 'expired_or_canceled_card')
  else settleRefund(account, refund)
}

/** A refund that did not bring the customer their money, and so does not count. */
export const hasFailed = ({ status }: Refund): boolean => status === 'failed' || status === 'canceled'

/** The bank has the money, and the number by which the customer can ask for it is known. */
export function settleRefund(account: Account, refund: Refund): void {
  if (refund.destination_details.card.reference_status === 'available') return
  const card = cardDestination('refund', randomDigits(23))
  const previous = account.refunds.change(refund, {
    status: 'succeeded',
    destination_details: { ...refund.destination_details, card },
    pending_reason: undefined,
  })
  emitUpdated(account, refund, previous)
}

/** The money comes back from the bank, and the charge can be refunded again. */
export function failRefund(account: Account, refund: Refund, reason: RefundFailureReason): void {
  const previous = giveUp(account, refund, 'failed', reason)
  account.emit('refund.failed', refund)
  emitUpdated(account, refund, previous)
}

/** A pending refund is called back before the bank has it. */
export function cancelRefund(account: Account, refund: Refund): void {
  emitUpdated(account, refund, giveUp(account, refund, 'canceled', 'merchant_request'))
}

function giveUp(
  account: Account,
  refund: Refund,
  status: 'failed' | 'canceled',
  reason: RefundFailureReason,
): Partial<Refund> {
  countRefunded(account, account.charges.must(refund.charge), -refund.amount)
  return account.refunds.change(refund, {
    status,
    failure_balance_transaction: bookRefund(account, refund, 'refund_failure').id,
    failure_reason: reason,
    pending_reason: undefined,
  })
}

function emitUpdated(account: Account, refund: Refund, previous: Partial<Refund>): void {
  account.emit('refund.updated', refund, previous)
  account.emit('charge.refund.updated', refund, previous)
}
