import type { Account } from '../account.ts'
import { disputeReasons } from '../objects/dispute.ts'
import { fraudTypes } from '../objects/early-fraud-warning.ts'
import { refundFailureReasons } from '../objects/refund.ts'
import { decideDispute, disputeCharge } from '../processes/disputing.ts'
import { warnOfFraud } from '../processes/early-fraud-warnings.ts'
import { payOut } from '../processes/paying-out.ts'
import { cancelRefund, failRefund, hasFailed, settleRefund } from '../processes/refunding.ts'
import { named } from '../routes/find.ts'
import { badParameter } from './errors.ts'
import { render } from './expand.ts'
import { choiceOf, countOf, textOf, type Given } from './local-input.ts'

/** What a bank does with a refund, without waiting for it; a pending one can be canceled as in the dashboard. */
export function moveRefundByHand(account: Account, id: string, given: Given): object {
  const refund = named(account.refunds, id, 'refund')
  const status = choiceOf(given.status, 'status', ['succeeded', 'failed', 'canceled'])
  if (hasFailed(refund) || (status === 'canceled' && refund.status !== 'pending'))
    throw badParameter(`A refund that is ${refund.status} cannot become ${status}.`, { param: 'status' })
  if (status === 'succeeded') settleRefund(account, refund)
  if (status === 'canceled') cancelRefund(account, refund)
  if (status === 'failed')
    failRefund(account, refund, choiceOf(given.failure_reason, 'failure_reason', refundFailureReasons))
  return render(account, refund, [])
}

/** The customer of a charge complains to their bank. */
export function disputeByHand(account: Account, id: string, given: Given): object {
  const charge = named(account.charges, id, 'charge')
  if (!charge.captured || charge.refunded || charge.disputed)
    throw badParameter('Only a charge that was captured, and neither refunded nor disputed, can be disputed.')
  const left = charge.amount_captured - charge.amount_refunded
  const dispute = disputeCharge(account, charge, {
    reason: choiceOf(given.reason, 'reason', disputeReasons),
    inquiry: given.inquiry === true,
    amount: countOf(given.amount, 'amount', left),
    dueBy: countOf(given.due_by, 'due_by'),
  })
  return render(account, dispute, [])
}

/** What the bank decides, whatever evidence there is. */
export function decideDisputeByHand(account: Account, id: string, given: Given): object {
  const dispute = named(account.disputes, id, 'dispute')
  decideDispute(account, dispute, choiceOf(given.outcome, 'outcome', ['won', 'lost', 'escalated']))
  return render(account, dispute, [])
}

export function warnOfFraudByHand(account: Account, id: string, given: Given): object {
  const charge = named(account.charges, id, 'charge')
  const fraudType = choiceOf(given.fraud_type, 'fraud_type', fraudTypes)
  return render(account, warnOfFraud(account, charge, fraudType), [])
}

/** Pays out to the owner's bank account, which Stripe does by itself every day. */
export function payOutByHand(account: Account, given: Given): object {
  const currency = textOf(given.currency) ?? account.balanceTransactions.all()[0]?.currency ?? 'usd'
  const payout = payOut(account, currency, { includePending: given.include_pending === true })
  if (!payout) throw badParameter(`There is nothing to pay out in ${currency}.`, { param: 'currency' })
  return render(account, payout, [])
}
