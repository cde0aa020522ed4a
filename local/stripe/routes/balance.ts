import type { Account } from '../account.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { oneOf, range, text } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import type { BalanceTransaction } from '../objects/balance-transaction.ts'
import { isAvailable } from '../processes/paying-out.ts'
import { named } from './find.ts'

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

export const balanceRoutes = [
  route('GET', '/v1/balance', {}, ({ account }) => balance(account)),
  route(
    'GET',
    '/v1/balance_transactions',
    { ...pagingByTime, currency: text(), payout: text(), source: text(), type: text() },
    ({ account, params }) => {
      const { balanceTransactions } = account
      const indexed = (['source', 'payout'] as const).find((field) => params[field] !== undefined)
      const found = indexed
        ? balanceTransactions.where(indexed, params[indexed] ?? '')
        : balanceTransactions.all()
      return pageOf(
        found.filter(
          (transaction) =>
            within(transaction.created, params.created) &&
            (params.currency === undefined || transaction.currency === params.currency) &&
            (params.payout === undefined || transaction.hidden.payout === params.payout) &&
            (params.type === undefined || transaction.type === params.type),
        ),
        params,
        '/v1/balance_transactions',
      )
    },
  ),
  route('GET', '/v1/balance_transactions/:id', {}, ({ account, path }) =>
    named(account.balanceTransactions, path('id'), 'balance transaction'),
  ),
]

export const payoutRoutes = [
  route(
    'GET',
    '/v1/payouts',
    {
      ...pagingByTime,
      arrival_date: range(),
      destination: text(),
      status: oneOf('pending', 'in_transit', 'paid', 'failed', 'canceled'),
    },
    ({ account, params }) =>
      pageOf(
        account.payouts
          .all()
          .filter(
            (payout) =>
              within(payout.created, params.created) &&
              within(payout.arrival_date, params.arrival_date) &&
              (params.destination === undefined || payout.destination === params.destination) &&
              (params.status === undefined || payout.status === params.status),
          ),
        params,
        '/v1/payouts',
      ),
  ),
  route('GET', '/v1/payouts/:payout', {}, ({ account, path }) =>
    named(account.payouts, path('payout'), 'payout'),
  ),
]
