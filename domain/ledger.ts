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
  // Collected for the state.
  'tax',
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

/** Money came in through Stripe. Paid-for credits are owed until they are consumed, tax is the state's; everything else is
 *  earned. A trial or a free plan moves none. */
export function paymentTransfers(type: PaymentType, received: Money, tax = 0): Transfer[] {
  const { currency } = received
  const transfers: Transfer[] = [
    {
      debit: 'stripe_balance',
      credit: type === 'credits' ? 'customer_credits' : 'revenue',
      amount: { amountMinor: received.amountMinor - tax, currency },
    },
    { debit: 'stripe_balance', credit: 'tax', amount: { amountMinor: tax, currency } },
  ]
  return transfers.filter(({ amount }) => amount.amountMinor > 0)
}
