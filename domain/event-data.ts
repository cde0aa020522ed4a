import type { PaymentType, PlanInterval } from './catalog.ts'
import type { PaymentStatus } from './checkout.ts'
import type { DisputeStatus } from './disputes.ts'
import type { AttemptTrigger } from './dunning.ts'
import type { DunningPolicy } from './dunning-policy.ts'
import type { DisputeId, PaymentId, RefundId, SubscriptionId, WalletTransactionId } from './ids.ts'
import type { DifferenceKind } from './reconciliation.ts'
import type { RefundOrigin, RefundStatus } from './refunds.ts'
import type { SubscriptionStatus } from './subscription.ts'

/** What the world is told: the payloads of the events. The published JSON Schemas are held to these in tests. */

export interface PaymentData {
  payment_id: PaymentId
  payment_type: PaymentType
  status: PaymentStatus
  user_id: string
  amount: number
  currency: string
  plan_id?: string
  product_id?: string
  quantity: number
  subscription_id?: SubscriptionId
  metadata: Record<string, string>
}

export interface PaymentSucceededData extends PaymentData {
  /** What was captured, after promotions, trials and taxes; 0 where nothing was due. */
  amount_received: number
  invoice_id?: string
}

export interface PaymentFailedData extends PaymentData {
  /** Stripe's decline code of the last attempt, or the refusal's code. */
  failure_code?: string
}

/** A change of plan that was asked for and does not count yet. */
export interface PendingChangeData {
  plan_id: string
  plan_version: number
  quantity: number
  when: 'now' | 'period_end'
  /** When it takes effect, or, while it waits to be paid, when it lapses. */
  at: string
}

export interface SubscriptionData {
  subscription_id: SubscriptionId
  user_id: string
  plan_id: string
  plan_version: number
  quantity: number
  status: SubscriptionStatus
  has_access: boolean
  roles: string[]
  current_period_start: string
  current_period_end: string
  cancel_at_period_end: boolean
  trial_end?: string
  /** When a pause ends by itself. */
  paused_until?: string
  pending_change?: PendingChangeData
  interval: PlanInterval
  payment_id?: PaymentId
}

export interface SubscriptionRenewedData extends SubscriptionData {
  invoice_id: string
  amount: number
  currency: string
}

export interface RoleData {
  user_id: string
  role: string
  /** All roles the user holds after this change. */
  roles: string[]
  /** The subscription whose change caused it. */
  subscription_id: SubscriptionId
}

/** An unpaid invoice that is being worked through. */
export interface DunningData {
  invoice_id: string
  subscription_id: SubscriptionId
  user_id: string
  plan_id: string
  /** What is owed, in minor units. */
  amount: number
  currency: string
  /** Of the first failed charge: every deadline is counted from here. */
  failed_at: string
  grace_until: string
  policy_version: number
}

export interface DunningRetryScheduledData extends DunningData {
  /** Which of the scheduled retries comes next, from 1, and of how many. */
  retry: number
  retries: number
  retry_at: string
}

export interface DunningRetryFailedData extends DunningData {
  trigger: AttemptTrigger
  decline_code?: string
  advice_code?: string
}

export interface DunningExhaustedData extends DunningData {
  on_exhausted: DunningPolicy['onExhausted']
}

export interface PaymentFailedAlertData extends DunningData {
  /** How many tries to collect this invoice have failed. */
  failures: number
  decline_code?: string
}

export interface PaymentRefundedData extends PaymentData {
  /** Of what was received, over all refunds so far. */
  amount_refunded: number
  refund_id: RefundId
}

export interface RefundData {
  refund_id: RefundId
  user_id: string
  amount: number
  currency: string
  status: RefundStatus
  origin: RefundOrigin
  payment_id?: PaymentId
  subscription_id?: SubscriptionId
  invoice_id?: string
  reason?: string
  failure_code?: string
}

export interface DisputeData {
  dispute_id: DisputeId
  user_id: string
  amount: number
  currency: string
  status: DisputeStatus
  /** Stripe's word for what the customer says. */
  reason: string
  payment_id?: PaymentId
  subscription_id?: SubscriptionId
  invoice_id?: string
  evidence_due_at?: string
}

export interface FraudWarningData {
  user_id: string
  stripe_charge_id: string
  /** Stripe's word for what the bank suspects. */
  fraud_type: string
  amount: number
  currency: string
  payment_id?: PaymentId
  subscription_id?: SubscriptionId
  /** Where it is given back by policy. */
  refund_id?: RefundId
}

/** One movement of a wallet. Credits are whole micro-dollars. */
export interface CreditsData {
  user_id: string
  transaction_id: WalletTransactionId
  /** How many credits moved: always positive, but for an adjustment. */
  amount: number
  /** What the wallet holds after it. */
  balance: number
}

export interface CreditsPurchasedData extends CreditsData {
  payment_id: PaymentId
  product_id?: string
  /** What was paid for them without tax, in minor units of the currency. */
  price: number
  currency: string
  /** Whether the wallet bought them by itself. */
  auto_top_up: boolean
}

export interface CreditsGrantedData extends CreditsData {
  grant_id: string
  kind: 'bonus' | 'promotion'
  expires_at?: string
  reason: string
}

export interface CreditsConsumedData extends CreditsData {
  usage_id: string
  description?: string
}

export interface CreditsAdjustedData extends CreditsData {
  adjustment_id: string
  reason: string
}

export interface CreditsRefundedData extends CreditsData {
  payment_id: PaymentId
  /** The share of the price that they stand for, in minor units of the currency. */
  price: number
  currency: string
  /** Whether they came back, because the money could not be returned. */
  undone: boolean
}

export interface CreditsLowBalanceData {
  user_id: string
  balance: number
  /** What it fell below. */
  threshold: number
}

export interface CreditsTopUpFailedData {
  user_id: string
  payment_id: PaymentId
  product_id: string
  /** Stripe's decline code, or `no_payment_method`. */
  failure_code: string
}

/** Stripe's books and ours do not agree, and a person must look. */
export interface ReconciliationDifferenceData {
  reconciliation_id: string
  kind: DifferenceKind
  /** What the kind means, as a sentence. */
  explanation: string
  /** `stripe-account` for what no user has caused. */
  user_id: string
  /** What it is about with us, and at Stripe; where it is on one side alone, only that. */
  subject_id?: string
  stripe_id?: string
  /** What each side says, as texts. */
  ours: Record<string, string>
  stripes: Record<string, string>
}
