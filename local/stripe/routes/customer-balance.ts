import type { Account } from '../account.ts'
import { noSuch } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { currency, integer, metadata, required, text } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import type { CustomerBalanceTransaction } from '../objects/customer-balance-transaction.ts'
import { changedMetadata } from '../objects/shared.ts'
import { changeBalance } from '../processes/customer-balance.ts'
import { named } from './find.ts'

const collection = '/v1/customers/:customer/balance_transactions'

/** A transaction of this very customer. */
function transactionOf(account: Account, customer: string, id: string): CustomerBalanceTransaction {
  const transaction = named(account.customerBalanceTransactions, id, 'customer balance transaction')
  if (transaction.customer === customer) return transaction
  throw noSuch('customer balance transaction', id)
}

export const customerBalanceRoutes = [
  route(
    'POST',
    collection,
    {
      amount: required(integer()),
      currency: required(currency()),
      description: text(350),
      metadata: metadata(),
    },
    ({ account, params, path }) =>
      changeBalance(account, named(account.customers, path('customer'), 'customer'), params.amount, {
        type: 'adjustment',
        currency: params.currency,
        description: params.description,
        metadata: changedMetadata({}, params.metadata),
      }),
  ),
  route('GET', collection, { ...pagingByTime, invoice: text() }, ({ account, params, path }) => {
    const { id } = named(account.customers, path('customer'), 'customer')
    return pageOf(
      account.customerBalanceTransactions
        .where('customer', id)
        .filter(
          (one) =>
            within(one.created, params.created) &&
            (params.invoice === undefined || one.invoice === params.invoice),
        ),
      params,
      `/v1/customers/${id}/balance_transactions`,
    )
  }),
  route('GET', `${collection}/:transaction`, {}, ({ account, path }) =>
    transactionOf(account, path('customer'), path('transaction')),
  ),
  route(
    'POST',
    `${collection}/:transaction`,
    { description: text(350), metadata: metadata() },
    ({ account, params, path }) => {
      const transaction = transactionOf(account, path('customer'), path('transaction'))
      account.customerBalanceTransactions.change(transaction, {
        ...(params.description !== undefined && { description: params.description }),
        metadata: changedMetadata(transaction.metadata, params.metadata),
      })
      return transaction
    },
  ),
]
