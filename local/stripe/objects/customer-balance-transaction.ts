import { newId } from '../store/ids.ts'
import type { Customer } from './customer.ts'
import type { Metadata } from './shared.ts'

/** Why a customer's balance changed (https://docs.stripe.com/billing/customer/balance#types). */
export interface BalanceChange {
  type:
    | 'adjustment'
    | 'applied_to_invoice'
    | 'credit_note'
    | 'initial'
    | 'invoice_too_small'
    | 'unapplied_from_invoice'
  currency?: string | undefined
  invoice?: string
  creditNote?: string
  description?: string | undefined
  metadata?: Metadata
}

export type CustomerBalanceTransaction = ReturnType<typeof newCustomerBalanceTransaction>

/** What a customer is owed less, or owes more, than before; the customer's balance has changed already. */
export const newCustomerBalanceTransaction = (
  customer: Customer,
  amount: number,
  change: BalanceChange,
  now: number,
) => ({
  id: newId('cbtxn'),
  object: 'customer_balance_transaction' as const,
  amount,
  checkout_session: null,
  created: now,
  credit_note: change.creditNote ?? null,
  currency: change.currency ?? customer.currency ?? 'usd',
  customer: customer.id,
  customer_account: null,
  description: change.description ?? null,
  ending_balance: customer.balance,
  invoice: change.invoice ?? null,
  livemode: false,
  metadata: change.metadata ?? {},
  type: change.type,
})
