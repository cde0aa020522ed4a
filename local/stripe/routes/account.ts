import type { Account } from '../account.ts'
import { route } from '../http/router.ts'
import type { BalanceTransaction } from '../objects/balance-transaction.ts'
import { isAvailable } from '../present.ts'

/** The one account there is. */
const shownAccount = {
  id: 'acct_1LocalStripeAccount',
  object: 'account',
  business_type: null,
  capabilities: { card_payments: 'active', transfers: 'active' },
  charges_enabled: true,
  controller: { type: 'account' },
  country: 'US',
  default_currency: 'usd',
  details_submitted: true,
  email: 'owner@example.com',
  metadata: {},
  payouts_enabled: true,
  type: 'standard',
}

/** The sums of all transactions, by currency: what can be paid out already, and what is still on its way. */
function balance(account: Account): object {
  const transactions = account.balanceTransactions.all()
  const sumsOf = (counted: BalanceTransaction[]): object[] => {
    const sums = new Map(transactions.map(({ currency }) => [currency, 0]))
    for (const { currency, net } of counted) sums.set(currency, (sums.get(currency) ?? 0) + net)
    if (sums.size === 0) sums.set('usd', 0)
    return [...sums].map(([currency, amount]) => ({ amount, currency, source_types: { card: amount } }))
  }
  return {
    object: 'balance',
    available: sumsOf(transactions.filter((one) => isAvailable(account, one))),
    livemode: false,
    pending: sumsOf(transactions.filter((one) => !isAvailable(account, one))),
  }
}

export const accountRoutes = [
  route('GET', '/v1/account', {}, () => shownAccount),
  route('GET', '/v1/balance', {}, ({ account }) => balance(account)),
]
