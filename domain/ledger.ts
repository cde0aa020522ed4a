import type { Currency, Money } from './money.ts'
import type { PaymentType } from './catalog.ts'

/** Double entries. A transfer names both sides, so an entry cannot be out of balance. */

export const ledgerAccounts = [
  // Debit-normal.
  'stripe_balance',
  // Given back.
  'refunds',
  // Taken back by banks.
  'disputes',
  // Given away: bonus and promotional credits.
  'promotions',
  // Where credits come from and go, in the asset of credits alone: each mirrors what `customer_credits` gained or lost.
  'credits_sold',
  'credits_adjusted',
  'credits_consumed',
  'credits_expired',
  // Credit-normal.
  'revenue',
  // What we owe in credits: in the asset of credits all that users hold, in money what was paid for those not used yet.
  'customer_credits',
] as const
export type LedgerAccount = (typeof ledgerAccounts)[number]

/** What is counted: a currency in its minor units, or credits in micro-dollars. */
export type Asset = Currency | 'credits'

export interface Transfer {
  debit: LedgerAccount
  credit: LedgerAccount
  /** Always positive: the direction is which side is debited. */
  amount: { amountMinor: number; currency: Asset }
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
