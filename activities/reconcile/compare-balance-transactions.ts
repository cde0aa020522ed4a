import { findBalanceTransactions } from '../../db/balance-transactions.ts'
import type { BalanceTransaction } from '../../domain/balance-transactions.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'

/** Each change of Stripe's balance must have been taken in as it is. */
export async function compareBalanceTransactions(
  { system }: ReconcileDependencies,
  items: BalanceTransaction[],
): Promise<Comparison> {
  const rows = await findBalanceTransactions(
    system,
    items.map(({ balanceTransactionId }) => balanceTransactionId),
  )
  const findings = items.flatMap((item): Finding[] => {
    const { balanceTransactionId: stripeId, amount, feeMinor: fee } = item
    const about = { stage: 'balance_transactions', stripeId } as const
    const stripes = { amount: amount.amountMinor, fee, currency: amount.currency, type: item.type }
    const row = rows.find(({ balanceTransactionId }) => balanceTransactionId === stripeId)
    if (!row) return [{ ...about, kind: 'balance_transaction_missing', projectId: ACCOUNT_BOOK, stripes }]
    const ours = { amount: row.amount, fee: row.fee, currency: row.currency }
    const ofRow = { ...about, projectId: row.projectId, userId: row.userId, ours, stripes }
    if (row.amount !== amount.amountMinor || row.currency !== amount.currency)
      return [{ ...ofRow, kind: 'balance_transaction_differs' }]
    return row.fee === fee ? [] : [{ ...ofRow, kind: 'fee_differs' }]
  })
  return { findings, foreign: 0 }
}
