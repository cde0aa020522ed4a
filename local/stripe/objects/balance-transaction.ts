import { newId } from '../store/ids.ts'
import type { Charge } from './charge.ts'

export interface NewBalanceTransaction {
  now: number
  type: 'charge' | 'refund' | 'refund_failure' | 'adjustment' | 'payout'
  /** What accounting calls it; mostly the type (https://docs.stripe.com/reports/reporting-categories). */
  reportingCategory: string
  /** Negative for what leaves the account. */
  amount: number
  currency: string
  description: string | null
  source: string
  fee?: { amount: number; description: string }
  /** Whose test clock tells when the money is available. */
  customer: string | null
  /** True for what need not wait to be available. */
  atOnce?: boolean
}

export type BalanceTransaction = ReturnType<typeof newBalanceTransaction>

const day = 24 * 60 * 60

/** One change of the account's balance; the balance is nothing but their sum. */
export function newBalanceTransaction(given: NewBalanceTransaction) {
  const { now, amount, currency, fee } = given
  return {
    id: newId('txn').replace('txn_1', 'txn_3'),
    object: 'balance_transaction' as const,
    amount,
    available_on: given.atOnce ? now : Math.floor((now + 7 * day) / day) * day,
    balance_type: 'payments',
    created: now,
    currency,
    description: given.description,
    exchange_rate: null,
    fee: fee?.amount ?? 0,
    fee_details: fee
      ? [
          {
            amount: fee.amount,
            application: null,
            currency,
            description: fee.description,
            type: 'stripe_fee',
          },
        ]
      : [],
    net: amount - (fee?.amount ?? 0),
    reporting_category: given.reportingCategory,
    source: given.source,
    type: given.type,
    hidden: {
      customer: given.customer,
      /** The payout that it was part of. */
      payout: null as string | null,
    },
  }
}

/** What a captured charge adds to the account's balance: the amount less 2.9 % and 30, rounded half up. */
export const chargeTransaction = (charge: Charge, now: number, atOnce: boolean): BalanceTransaction =>
  newBalanceTransaction({
    now,
    type: 'charge',
    reportingCategory: 'charge',
    amount: charge.amount_captured,
    currency: charge.currency,
    description: charge.description,
    source: charge.id,
    fee: { amount: Math.round(charge.amount_captured * 0.029 + 30), description: 'Stripe processing fees' },
    customer: charge.customer,
    atOnce,
  })
