import type { Currency, Money } from './money.ts'
import type { PaymentType } from './catalog.ts'
import { type ProjectId, parseId } from './ids.ts'

/** Double entries. A transfer names both sides, so an entry cannot be out of balance. */

/** Every account, with the side on which it grows (one of the debit side shows what was debited less what was credited, one of
 *  the credit side the other way round) and its name in an accountant's journal. */
export const accounts = {
  /** What Stripe holds for us: the sum over all books is the balance that Stripe shows. */
  stripe_balance: { side: 'debit', journal: 'Assets:Stripe' },
  /** What Stripe has paid out. */
  bank: { side: 'debit', journal: 'Assets:Bank' },
  /** What Stripe has kept for its services. */
  fees: { side: 'debit', journal: 'Expenses:Fees' },
  /** Given back to customers. */
  refunds: { side: 'debit', journal: 'Expenses:Refunds' },
  /** Taken back by banks. */
  disputes: { side: 'debit', journal: 'Expenses:Disputes' },
  /** Given away: bonus and promotional credits. */
  promotions: { side: 'debit', journal: 'Expenses:Promotions' },
  /** Where credits come from and go, in the asset of credits alone: each mirrors what `customer_credits` gained or lost. */
  credits_sold: { side: 'debit', journal: 'Equity:Credits:Sold' },
  credits_adjusted: { side: 'debit', journal: 'Equity:Credits:Adjusted' },
  credits_consumed: { side: 'debit', journal: 'Equity:Credits:Consumed' },
  credits_expired: { side: 'debit', journal: 'Equity:Credits:Expired' },
  /** Between the currency that was charged and the one that was settled. */
  currency_exchange: { side: 'debit', journal: 'Equity:CurrencyExchange' },
  /** Earned. */
  revenue: { side: 'credit', journal: 'Income:Revenue' },
  /** Collected for the state. */
  tax: { side: 'credit', journal: 'Liabilities:Tax' },
  /** What we owe in credits: in the asset of credits all that users hold, in money what was paid for those not used yet. */
  customer_credits: { side: 'credit', journal: 'Liabilities:CustomerCredits' },
  /** Money of what was sold past us on the same Stripe account. */
  other_business: { side: 'credit', journal: 'Equity:OtherBusiness' },
  /** Money that Stripe moved and nothing of ours explains: a person must look for as long as it is not zero. */
  unexplained: { side: 'credit', journal: 'Equity:Unexplained' },
} as const satisfies Record<string, { side: 'debit' | 'credit'; journal: string }>

export type LedgerAccount = keyof typeof accounts
export const ledgerAccounts = Object.keys(accounts) as LedgerAccount[]

/** The book of the Stripe account itself, for what belongs to no project: payouts, Stripe's own fees, what others sell on the same
 *  account. A row among the projects, made by a migration, for which nobody can have a key. */
export const ACCOUNT_BOOK: ProjectId = parseId('prj', `prj_${'0'.repeat(26)}`)

/** What an account shows, as its side says. */
export function balanceOf(
  account: LedgerAccount,
  { debited, credited }: { debited: number; credited: number },
): number {
  return accounts[account].side === 'debit' ? debited - credited : credited - debited
}

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
