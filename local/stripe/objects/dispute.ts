import { newId } from '../store/ids.ts'
import type { Charge } from './charge.ts'
import type { Metadata } from './shared.ts'

export type DisputeStatus =
  | 'warning_needs_response'
  | 'warning_under_review'
  | 'warning_closed'
  | 'needs_response'
  | 'under_review'
  | 'won'
  | 'lost'

/** Why a customer says that they should have their money back, and the code by which Visa knows it
 *  (https://docs.stripe.com/disputes/categories). */
const reasonCodes = {
  fraudulent: '10.4',
  general: '10',
  product_not_received: '13.1',
  subscription_canceled: '13.2',
  product_unacceptable: '13.3',
  credit_not_processed: '13.6',
  duplicate: '12.6.1',
  unrecognized: '10.4',
} as const
export type DisputeReason = keyof typeof reasonCodes
export const disputeReasons = Object.keys(reasonCodes) as [DisputeReason, ...DisputeReason[]]

/** What can be said in answer to a dispute; files are named by their ids, and nobody looks whether they exist. */
export const evidenceFields = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_communication',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'customer_signature',
  'duplicate_charge_documentation',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'receipt',
  'refund_policy',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'service_documentation',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_documentation',
  'shipping_tracking_number',
  'uncategorized_file',
  'uncategorized_text',
] as const
export type Evidence = Record<(typeof evidenceFields)[number], string | null>

export interface NewDispute {
  now: number
  charge: Charge
  amount: number
  reason: DisputeReason
  /** The bank only asks; no money has moved yet. */
  inquiry: boolean
  dueBy: number
}

export type Dispute = ReturnType<typeof newDispute>

export function newDispute({ now, charge, amount, reason, inquiry, dueBy }: NewDispute) {
  const { brand } = charge.payment_method_details.card
  return {
    id: newId('du'),
    object: 'dispute' as const,
    amount,
    charge: charge.id,
    created: now,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: { ...nothingSaid, enhanced_evidence: {} },
    evidence_details: {
      due_by: dueBy,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted' as 'not_submitted' | 'manual',
    },
    intended_submission_method: null,
    is_charge_refundable: inquiry,
    livemode: false,
    metadata: {} as Metadata,
    payment_intent: charge.payment_intent,
    payment_method_details: {
      card: {
        brand,
        case_type: inquiry ? 'inquiry' : 'chargeback',
        network: brand,
        network_reason_code: reasonCodes[reason],
      },
      type: 'card',
    },
    reason,
    status: (inquiry ? 'warning_needs_response' : 'needs_response') as DisputeStatus,
  }
}

const nothingSaid = Object.fromEntries(evidenceFields.map((field) => [field, null])) as Evidence
