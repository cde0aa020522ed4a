import { type LedgerAccount, type Transfer } from './ledger.ts'
import { type Money, money } from './money.ts'

/** Each change of Stripe's balance, and the ledger entry that explains it. */

export interface BalanceTransaction {
  balanceTransactionId: string
  /** https://docs.stripe.com/reports/balance-transaction-types */
  type: string
  reportingCategory: string
  /** What it is about: a charge, a refund, a dispute, a payout. */
  source?: BalanceSource
  /** Signed: positive for what comes in. */
  amount: Money
  /** What Stripe keeps of it; negative where Stripe gives a fee back. */
  feeMinor: number
  netMinor: number
  /** Where the money was exchanged. */
  exchangeRate?: number
  /** Milliseconds since 1970. */
  createdAt: number
  availableOn: number
}

export interface BalanceSource {
  kind: 'charge' | 'refund' | 'dispute' | 'payout' | 'other'
  sourceId: string
  /** The charge that it is, or that it gives back. */
  chargeId?: string
  paymentIntentId?: string
  customerId?: string
  /** What was charged or given back, in the currency that the customer sees. */
  amount?: Money
}

/** Who explains the money that a balance transaction moves. */
export type Explanation =
  /** An entry of the workflow that owns the charge, the refund or the dispute: only fee and exchange are left to enter. */
  | 'owner'
  /** The transaction says it all: a payout, a fee. */
  | 'itself'
  /** Something on the same Stripe account that is none of ours. */
  | 'foreign'
  /** Nobody, yet. */
  | 'nobody'

const ofOwners = new Set([
  'charge',
  'payment',
  'payment_refund',
  'payment_failure_refund',
  'refund',
  'refund_failure',
])

const ofTheAccount: Record<string, LedgerAccount> = {
  payout: 'bank',
  payout_cancel: 'bank',
  payout_failure: 'bank',
  topup: 'bank',
  topup_reversal: 'bank',
  stripe_fee: 'fees',
  stripe_fx_fee: 'fees',
  tax_fee: 'fees',
  network_cost: 'fees',
}

/** Whether somebody's money moves, whose entry must be there: a payment, a refund, a dispute. Disputes come as adjustments. */
export function isOfOwner({ type, source }: BalanceTransaction): boolean {
  return ofOwners.has(type) || (type === 'adjustment' && source?.kind === 'dispute')
}

/** Whether it explains itself. */
export function isOfAccount({ type }: BalanceTransaction): boolean {
  return type in ofTheAccount
}

/** What a balance transaction adds to what has been entered already. With the entries of owners, the sum over `stripe_balance`
 *  grows by exactly what Stripe's balance does: the amount without the fee. */
export function balanceTransfers(transaction: BalanceTransaction, explanation: Explanation): Transfer[] {
  const { amount, feeMinor, type } = transaction
  const fees = intoBalance('fees', money(-feeMinor, amount.currency))
  switch (explanation) {
    case 'owner':
      return [...exchangeTransfers(transaction), ...fees]
    case 'itself':
      return [...intoBalance(ofTheAccount[type] ?? 'unexplained', amount), ...fees]
    case 'foreign':
      return [...intoBalance('other_business', amount), ...fees]
    case 'nobody':
      return fees
  }
}

/** Holds what nobody has explained yet, so that our balance is Stripe's whatever is behind it. */
export function suspenseTransfers({ amount }: BalanceTransaction): Transfer[] {
  return intoBalance('unexplained', amount)
}

/** Takes it back, because its owner has entered it after all. */
export function releaseTransfers(transaction: BalanceTransaction): Transfer[] {
  return [
    ...intoBalance('unexplained', negative(transaction.amount)),
    // It was held in the currency that Stripe settled; its owner entered the one that the customer saw.
    ...exchangeTransfers(transaction),
  ]
}

/** The owner entered what the customer saw; Stripe's balance moved in another currency. */
export function exchangeTransfers({ amount, source }: BalanceTransaction): Transfer[] {
  if (!source?.amount || source.amount.currency === amount.currency) return []
  return [
    ...intoBalance('currency_exchange', negative(source.amount)),
    ...intoBalance('currency_exchange', amount),
  ]
}

/** Money between the balance and another account, in the direction of its sign. */
function intoBalance(account: LedgerAccount, { amountMinor, currency }: Money): Transfer[] {
  if (amountMinor === 0) return []
  const amount = money(Math.abs(amountMinor), currency)
  return amountMinor > 0
    ? [{ debit: 'stripe_balance', credit: account, amount }]
    : [{ debit: account, credit: 'stripe_balance', amount }]
}

const negative = ({ amountMinor, currency }: Money) => money(-amountMinor, currency)
