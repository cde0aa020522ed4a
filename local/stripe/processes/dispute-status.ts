import type { Account } from '../account.ts'
import { newBalanceTransaction } from '../objects/balance-transaction.ts'
import type { Charge } from '../objects/charge.ts'
import type { Dispute } from '../objects/dispute.ts'

/** Stripe's fee is US$15.00 "or the local equivalent"; the one for Brazil is ours. It is kept when a dispute is won. */
const disputeFees: Record<string, number> = { brl: 5500 }
const disputeFee = 1500

export const isInquiry = ({ status }: Dispute): boolean => status.startsWith('warning_')

export const isClosed = ({ status }: Dispute): boolean =>
  status === 'won' || status === 'lost' || status === 'warning_closed'

/** The bank takes the disputed amount back until the dispute is decided. */
export function withdrawFunds(account: Account, dispute: Dispute): void {
  const { customer } = account.charges.must(dispute.charge)
  account.balanceTransactions.insert(
    newBalanceTransaction({
      now: account.nowOf(customer),
      type: 'adjustment',
      reportingCategory: 'dispute',
      amount: -dispute.amount,
      currency: dispute.currency,
      description: `Chargeback withdrawal for ${dispute.charge}`,
      source: dispute.id,
      fee: { amount: disputeFees[dispute.currency] ?? disputeFee, description: 'Dispute fee' },
      customer,
    }),
  )
}

function reinstateFunds(account: Account, dispute: Dispute): void {
  const { customer } = account.charges.must(dispute.charge)
  account.balanceTransactions.insert(
    newBalanceTransaction({
      now: account.nowOf(customer),
      type: 'adjustment',
      reportingCategory: 'dispute_reversal',
      amount: dispute.amount,
      currency: dispute.currency,
      description: `Chargeback reversal for ${dispute.charge}`,
      source: dispute.id,
      customer,
    }),
  )
}

/** The bank has decided. An inquiry ends without either side winning. */
export function closeDispute(account: Account, dispute: Dispute, outcome: 'won' | 'lost'): void {
  const status = isInquiry(dispute) ? 'warning_closed' : outcome
  const previous = account.disputes.change(dispute, { status, is_charge_refundable: status !== 'lost' })
  if (status === 'won') {
    reinstateFunds(account, dispute)
    account.emit('charge.dispute.funds_reinstated', dispute)
  }
  account.emit('charge.dispute.closed', dispute, previous)
}

/** A charge that has been refunded in full leaves nothing to ask about
 *  (https://docs.stripe.com/disputes/how-disputes-work, inquiries). */
export function closeInquiries(account: Account, charge: Charge): void {
  if (!charge.refunded) return
  for (const dispute of account.disputes.where('charge', charge.id))
    if (isInquiry(dispute) && !isClosed(dispute)) closeDispute(account, dispute, 'won')
}
