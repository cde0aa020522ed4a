import { newId } from '../store/ids.ts'
import type { Charge } from './charge.ts'
import type { Metadata } from './shared.ts'

export type RefundStatus = 'pending' | 'succeeded' | 'failed' | 'canceled'

export const refundReasons = ['duplicate', 'fraudulent', 'requested_by_customer'] as const
export type RefundReason = (typeof refundReasons)[number]

/** Why a refund did not reach the customer (https://docs.stripe.com/refunds#failed-refunds). */
export const refundFailureReasons = [
  'expired_or_canceled_card',
  'charge_for_pending_refund_disputed',
  'declined',
  'insufficient_funds',
  'lost_or_stolen_card',
  'merchant_request',
  'unknown',
] as const
export type RefundFailureReason = (typeof refundFailureReasons)[number]

export interface NewRefund {
  now: number
  charge: Charge
  amount: number
  status: 'pending' | 'succeeded'
  reason: RefundReason | undefined
  metadata: Metadata
}

export type Refund = ReturnType<typeof newRefund>

/** Of the few kinds of object that do not say whether they are live. */
export function newRefund({ now, charge, amount, status, reason, metadata }: NewRefund) {
  return {
    id: newId('re').replace('re_1', 're_3'),
    object: 'refund' as const,
    amount,
    balance_transaction: null as string | null,
    charge: charge.id,
    created: now,
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      card: cardDestination(status === 'pending' ? 'pending' : 'refund'),
      type: 'card',
    },
    metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    ...(status === 'pending' && { pending_reason: 'processing' as string | undefined }),
    reason: reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: status as RefundStatus,
    transfer_reversal: null,
    ...notFailed,
  }
}

/** The two fields are shown only of a refund that failed. */
const notFailed: { failure_balance_transaction?: string; failure_reason?: RefundFailureReason } = {}

interface CardDestination {
  reference?: string
  reference_status: 'pending' | 'available'
  reference_type: 'acquirer_reference_number'
  type: 'pending' | 'refund'
}

/** The bank gives a refund a number by which the customer can ask for it; it is not known at once. */
export const cardDestination = (type: 'pending' | 'refund', reference?: string): CardDestination => ({
  ...(reference !== undefined && { reference }),
  reference_status: reference === undefined ? 'pending' : 'available',
  reference_type: 'acquirer_reference_number',
  type,
})
