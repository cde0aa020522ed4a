import type { Money } from './money.ts'
import type { PaymentType } from './catalog.ts'

/** Double entries. A transfer names both sides, so an entry cannot be out of balance. */

/** Debit-normal: stripe_balance, refunds (given back), disputes (taken back by banks). Credit-normal: revenue, customer_credits
 *  (what we owe in credits already paid for). */
export const ledgerAccounts = [
  'stripe_balance',
  'refunds',
  'disputes',
  'revenue',
  'customer_credits',
] as const
export type LedgerAccount = (typeof ledgerAccounts)[number]

export interface Transfer {
  debit: LedgerAccount
  credit: LedgerAccount
  /** Always positive: the direction is which side is debited. */
  amount: Money
}

/** Money came in through Stripe. Paid-for credits are owed until they are consumed; everything else is earned. */
export function paymentTransfers(type: PaymentType, received: Money): Transfer[] {
  if (received.amountMinor === 0) return [] // A trial or a free plan moves no money.
  return [
    {
      debit: 'stripe_balance',
      credit: type === 'credits' ? 'customer_credits' : 'revenue',
      amount: received,
    },
  ]
}
