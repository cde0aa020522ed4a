import type { BalanceTransaction } from '../../domain/balance-transactions.ts'
import { BillingError } from '../../domain/errors.ts'
import type { Money } from '../../domain/money.ts'
import type { ProviderBooks, Shelf } from '../../domain/provider-books.ts'

/** Books of Stripe's as a test writes them, for what the local Stripe cannot be made to show: exchange, changes of the balance of
 *  every type, long lists. Pages are short, so that a few objects make several. */
export function createScriptedBooks({ pageSize = 2 }: { pageSize?: number } = {}) {
  const transactions: BalanceTransaction[] = []
  const invoicesOfPayments = new Map<string, string>()
  const calls: string[] = []
  let balance: Money[] = []

  const shelfOf = <Item>(name: string, items: () => Item[], idOf: (item: Item) => string): Shelf<Item> => ({
    async list(cursor) {
      calls.push(`list ${name}`)
      const newestFirst = items().toReversed()
      const from = cursor === undefined ? 0 : newestFirst.findIndex((item) => idOf(item) === cursor) + 1
      const page = newestFirst.slice(from, from + pageSize)
      const last = page.at(-1)
      const hasMore = newestFirst.length > from + pageSize
      return { items: page, ...(hasMore && last !== undefined && { next: idOf(last) }) }
    },
    async read(id) {
      calls.push(`read ${name}`)
      return items().find((item) => idOf(item) === id)
    },
  })
  const none = <Item extends { id: string }>(name: string) =>
    shelfOf<Item>(
      name,
      () => [],
      ({ id }) => id,
    )

  const books: ProviderBooks = {
    customers: none('customers'),
    subscriptions: none('subscriptions'),
    invoices: none('invoices'),
    charges: none('charges'),
    refunds: none('refunds'),
    disputes: none('disputes'),
    balanceTransactions: shelfOf(
      'balance transactions',
      () => transactions,
      ({ balanceTransactionId }) => balanceTransactionId,
    ),
    async balanceTransactionsAfter(id) {
      calls.push('list newer balance transactions')
      const at = transactions.findIndex(({ balanceTransactionId }) => balanceTransactionId === id)
      if (at < 0) throw new BillingError('provider_object_missing')
      return transactions.slice(at + 1, at + 1 + pageSize).toReversed()
    },
    transactionsOfPayout: async () => ({ items: [] }),
    invoiceOfPayment: async (paymentIntentId) => invoicesOfPayments.get(paymentIntentId),
    isCharged: async () => true,
    readBalance: async () => balance,
  }
  return {
    books,
    transactions,
    invoicesOfPayments,
    calls,
    setBalance(sums: Money[]) {
      balance = sums
    },
  }
}
