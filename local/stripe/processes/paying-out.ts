import type { Account } from '../account.ts'
import { newBalanceTransaction, type BalanceTransaction } from '../objects/balance-transaction.ts'
import { newPayout, type Payout } from '../objects/payout.ts'

/** Whether money can be paid out already, by the test clock of whom it came from. */
export const isAvailable = (account: Account, { available_on, hidden }: BalanceTransaction): boolean =>
  available_on <= account.nowOf(hidden.customer)

/** Pays out all of a currency that is available, or all there is, and says of each transaction that it was in it.
 *  @returns nothing when the transactions do not come to more than nothing */
export function payOut(
  account: Account,
  currency: string,
  { includePending }: { includePending: boolean },
): Payout | undefined {
  const included = account.balanceTransactions
    .all()
    .filter(
      (one) =>
        one.currency === currency &&
        one.hidden.payout === null &&
        (includePending || isAvailable(account, one)),
    )
  const amount = included.reduce((sum, { net }) => sum + net, 0)
  if (amount <= 0) return undefined
  const payout = account.payouts.insert(newPayout({ now: account.now(), amount, currency }))
  const taken = account.balanceTransactions.insert(
    newBalanceTransaction({
      now: payout.created,
      type: 'payout',
      reportingCategory: 'payout',
      amount: -amount,
      currency,
      description: payout.description,
      source: payout.id,
      customer: null,
      atOnce: true,
    }),
  )
  for (const one of [...included, taken])
    account.balanceTransactions.change(one, { hidden: { ...one.hidden, payout: payout.id } })
  account.payouts.change(payout, { balance_transaction: taken.id })
  account.emit('payout.created', payout)
  const previous = account.payouts.change(payout, { status: 'paid' })
  account.emit('payout.paid', payout, previous)
  return payout
}
