import type { Account } from '../account.ts'
import type { Customer } from '../objects/customer.ts'
import {
  newCustomerBalanceTransaction,
  type BalanceChange,
  type CustomerBalanceTransaction,
} from '../objects/customer-balance-transaction.ts'

/** Credits a customer with a negative amount, which their next invoice takes into account, or debits them. */
export function changeBalance(
  account: Account,
  customer: Customer,
  amount: number,
  change: BalanceChange,
): CustomerBalanceTransaction {
  const previous = account.customers.change(customer, {
    balance: customer.balance + amount,
    currency: customer.currency ?? change.currency ?? null,
  })
  const transaction = recordBalance(account, customer, amount, change)
  account.emit('customer.updated', customer, previous)
  return transaction
}

/** Writes down why a balance has changed. */
export const recordBalance = (
  account: Account,
  customer: Customer,
  amount: number,
  change: BalanceChange,
): CustomerBalanceTransaction =>
  account.customerBalanceTransactions.insert(
    newCustomerBalanceTransaction(customer, amount, change, account.now(customer)),
  )
