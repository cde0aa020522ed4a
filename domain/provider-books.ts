import type { BalanceTransaction } from './balance-transactions.ts'
import type { CustomerId, PaymentId, ProjectId, RefundId, SubscriptionId } from './ids.ts'
import type { Money } from './money.ts'

/** The provider's own books, as reconciliation reads them: page by page, and one object at a time to look twice. Nothing
 *  personal passes. An adapter throws `BillingError`s of the catalogue and nothing else. */
export interface ProviderBooks {
  customers: Shelf<CustomerOnBooks>
  subscriptions: Shelf<SubscriptionOnBooks>
  invoices: Shelf<InvoiceOnBooks>
  charges: Shelf<ChargeOnBooks>
  refunds: Shelf<RefundOnBooks>
  disputes: Shelf<DisputeOnBooks>
  balanceTransactions: Shelf<BalanceTransaction>

  /** The page of balance transactions that came right after that one, newest first. */
  balanceTransactionsAfter(balanceTransactionId: string): Promise<BalanceTransaction[]>
  /** The ids of what a payout was made of, a page at a time. */
  transactionsOfPayout(payoutId: string, after: string | undefined): Promise<Page<string>>
  /** The invoice that a payment intent has paid. */
  invoiceOfPayment(paymentIntentId: string): Promise<string | undefined>
  /** Whether the money of a payment intent was taken. */
  isCharged(paymentIntentId: string): Promise<boolean>
  /** What is there in all, available or on its way, by currency. */
  readBalance(): Promise<Money[]>
}

/** All objects of a kind. */
export interface Shelf<Item> {
  /** A page, newest first; the first one without a cursor. */
  list(cursor: string | undefined): Promise<Page<Item>>
  /** @returns `undefined` when the provider does not have it. */
  read(id: string): Promise<Item | undefined>
}

export interface Page<Item> {
  items: Item[]
  /** Where the next page begins; absent on the last. */
  next?: string
}

/** Our ids, as far as an object carries them. A claim, not a proof: whoever acts on it first finds the row. */
export interface Claim {
  projectId?: ProjectId
  paymentId?: PaymentId
  subscriptionId?: SubscriptionId
  customerId?: CustomerId
  refundId?: RefundId
}

interface OnBooks {
  id: string
  claim: Claim
}

export interface CustomerOnBooks extends OnBooks {
  isDeleted: boolean
}

export interface SubscriptionOnBooks extends OnBooks {
  status: string
  priceId: string
  quantity: number
  /** Milliseconds since 1970. */
  currentPeriodStart: number
  currentPeriodEnd: number
  cancelAtPeriodEnd: boolean
}

export interface InvoiceOnBooks extends OnBooks {
  subscriptionId?: string
  customerId?: string
  status: string
  billingReason: string
  amountDue: Money
  amountPaid: Money
  /** The sum of all its payments that went through: more than what was paid where it was charged twice. */
  collectedMinor: number
  attempted: boolean
}

export interface ChargeOnBooks extends OnBooks {
  customerId?: string
  paymentIntentId?: string
  hasSucceeded: boolean
  captured: Money
  /** Milliseconds since 1970. */
  createdAt: number
}

export interface RefundOnBooks extends OnBooks {
  chargeId: string
  paymentIntentId?: string
  status: string
  amount: Money
}

export interface DisputeOnBooks extends OnBooks {
  chargeId: string
  paymentIntentId?: string
  status: string
  amount: Money
}
