import type { Account } from '../account.ts'
import type { Customer } from '../objects/customer.ts'
import { cancelSubscription } from './subscribing.ts'

/** Deleting a customer also ends what they subscribe to. */
export function removeCustomer(account: Account, customer: Customer): void {
  for (const subscription of account.subscriptions.where('customer', customer.id))
    if (subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired')
      cancelSubscription(account, subscription)
  for (const method of account.paymentMethods.where('customer', customer.id))
    account.paymentMethods.change(method, { customer: null })
  account.emit('customer.deleted', customer)
  account.deletedCustomers.insert({ id: customer.id })
  account.customers.remove(customer)
}
