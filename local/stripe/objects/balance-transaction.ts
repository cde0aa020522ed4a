import { newId } from '../store/ids.ts'
import type { Charge } from './charge.ts'

export type BalanceTransaction = ReturnType<typeof newBalanceTransaction>

const day = 24 * 60 * 60

/** What a captured charge adds to the account's balance: the amount less 2.9 % and 30, rounded half up. */
export function newBalanceTransaction(charge: Charge, now: number) {
  const fee = Math.round(charge.amount_captured * 0.029 + 30)
  return {
    id: newId('txn').replace('txn_1', 'txn_3'),
    object: 'balance_transaction' as const,
    amount: charge.amount_captured,
    available_on: Math.floor((now + 7 * day) / day) * day,
    balance_type: 'payments',
    created: now,
    currency: charge.currency,
    description: charge.description,
    exchange_rate: null,
    fee,
    fee_details: [
      {
        amount: fee,
        application: null,
        currency: charge.currency,
        description: 'Stripe processing fees',
        type: 'stripe_fee',
      },
    ],
    net: charge.amount_captured - fee,
    reporting_category: 'charge',
    source: charge.id,
    status: 'pending',
    type: 'charge',
  }
}
