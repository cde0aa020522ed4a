import type { Stripe } from 'stripe'
import type { BalanceSource, BalanceTransaction } from '../../domain/balance-transactions.ts'
import { type IdPrefix, isId } from '../../domain/ids.ts'
import { currency, type Money, money } from '../../domain/money.ts'
import { metadataKeys } from '../../domain/provider.ts'
import type {
  ChargeOnBooks,
  Claim,
  CustomerOnBooks,
  DisputeOnBooks,
  InvoiceOnBooks,
  RefundOnBooks,
  SubscriptionOnBooks,
} from '../../domain/provider-books.ts'
import { idOf } from './snapshots.ts'

/** Stripe's objects as a comparison of books sees them. */

function claimIn(metadata: Stripe.Metadata | null | undefined): Claim {
  const idUnder = <P extends IdPrefix>(key: string, prefix: P) => {
    const value = metadata?.[key]
    return value !== undefined && isId(prefix, value) ? value : undefined
  }
  const projectId = idUnder(metadataKeys.project, 'prj')
  const paymentId = idUnder(metadataKeys.payment, 'pay')
  const subscriptionId = idUnder(metadataKeys.subscription, 'sbs')
  const customerId = idUnder(metadataKeys.customer, 'cst')
  const refundId = idUnder(metadataKeys.refund, 'rfd')
  return {
    ...(projectId && { projectId }),
    ...(paymentId && { paymentId }),
    ...(subscriptionId && { subscriptionId }),
    ...(customerId && { customerId }),
    ...(refundId && { refundId }),
  }
}

export const toCustomer = ({ id, metadata }: Stripe.Customer): CustomerOnBooks => ({
  id,
  claim: claimIn(metadata),
  isDeleted: false,
})

export function toSubscription(subscription: Stripe.Subscription): SubscriptionOnBooks {
  const { id, metadata, status, items, cancel_at_period_end: cancelAtPeriodEnd } = subscription
  const [item] = items.data
  return {
    id,
    claim: claimIn(metadata),
    status,
    priceId: item?.price.id ?? '',
    quantity: item?.quantity ?? 1,
    currentPeriodStart: (item?.current_period_start ?? 0) * 1000,
    currentPeriodEnd: (item?.current_period_end ?? 0) * 1000,
    cancelAtPeriodEnd,
  }
}

export function toInvoice(invoice: Stripe.Invoice): InvoiceOnBooks {
  const details = invoice.parent?.subscription_details
  const subscriptionId = idOf(details?.subscription)
  const customerId = idOf(invoice.customer)
  const code = currency(invoice.currency)
  return {
    id: invoice.id ?? '',
    claim: claimIn(details?.metadata),
    ...(subscriptionId && { subscriptionId }),
    ...(customerId && { customerId }),
    status: invoice.status ?? 'draft',
    billingReason: invoice.billing_reason ?? 'manual',
    amountDue: money(invoice.amount_due, code),
    amountPaid: money(invoice.amount_paid, code),
    collectedMinor: (invoice.payments?.data ?? [])
      .filter(({ status }) => status === 'paid')
      .reduce((sum, { amount_paid: paid }) => sum + (paid ?? 0), 0),
    attempted: invoice.attempted,
  }
}

export function toCharge(charge: Stripe.Charge): ChargeOnBooks {
  const customerId = idOf(charge.customer)
  const paymentIntentId = idOf(charge.payment_intent)
  return {
    id: charge.id,
    claim: claimIn(charge.metadata),
    ...(customerId && { customerId }),
    ...(paymentIntentId && { paymentIntentId }),
    hasSucceeded: charge.status === 'succeeded' && charge.captured,
    captured: money(charge.amount_captured, currency(charge.currency)),
    createdAt: charge.created * 1000,
  }
}

export const toRefund = (refund: Stripe.Refund): RefundOnBooks => ({
  id: refund.id,
  claim: claimIn(refund.metadata),
  chargeId: idOf(refund.charge) ?? '',
  ...optional('paymentIntentId', idOf(refund.payment_intent)),
  status: refund.status ?? 'pending',
  amount: money(refund.amount, currency(refund.currency)),
})

export const toDispute = (dispute: Stripe.Dispute): DisputeOnBooks => ({
  id: dispute.id,
  claim: {},
  chargeId: idOf(dispute.charge) ?? '',
  ...optional('paymentIntentId', idOf(dispute.payment_intent)),
  status: dispute.status,
  amount: money(dispute.amount, currency(dispute.currency)),
})

export function toBalanceTransaction(transaction: Stripe.BalanceTransaction): BalanceTransaction {
  const amount = money(transaction.amount, currency(transaction.currency))
  const source = toSource(transaction.source, Math.sign(transaction.amount))
  return {
    balanceTransactionId: transaction.id,
    type: transaction.type,
    reportingCategory: transaction.reporting_category,
    ...(source && { source }),
    amount,
    feeMinor: transaction.fee,
    netMinor: transaction.net,
    ...(transaction.exchange_rate !== null && { exchangeRate: transaction.exchange_rate }),
    createdAt: transaction.created * 1000,
    availableOn: transaction.available_on * 1000,
  }
}

function toSource(
  source: string | Stripe.BalanceTransactionSource | null,
  sign: number,
): BalanceSource | undefined {
  if (source === null) return undefined
  if (typeof source === 'string') return { kind: 'other', sourceId: source }
  const signed = (amountMinor: number, code: string): { amount: Money } => ({
    amount: money(sign * Math.abs(amountMinor), currency(code)),
  })
  if (source.object === 'charge')
    return {
      kind: 'charge',
      sourceId: source.id,
      chargeId: source.id,
      ...optional('paymentIntentId', idOf(source.payment_intent)),
      ...optional('customerId', idOf(source.customer)),
      ...signed(source.amount_captured, source.currency),
    }
  if (source.object === 'refund' || source.object === 'dispute')
    return {
      kind: source.object,
      sourceId: source.id,
      ...optional('chargeId', idOf(source.charge)),
      ...optional('paymentIntentId', idOf(source.payment_intent)),
      ...signed(source.amount, source.currency),
    }
  return { kind: source.object === 'payout' ? 'payout' : 'other', sourceId: source.id }
}

const optional = <Name extends string>(name: Name, value: string | undefined) =>
  (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, string>>
