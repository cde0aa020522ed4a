import type { PaymentType, PlanInterval } from './catalog.ts'
import type { PaymentStatus } from './checkout.ts'
import type { AttemptTrigger } from './dunning.ts'
import type { DunningPolicy } from './dunning-policy.ts'
import type { DisputeStatus } from './disputes.ts'
import type { DisputeId, PaymentId, RefundId, SubscriptionId, WalletTransactionId } from './ids.ts'
import type { RefundOrigin, RefundStatus } from './refunds.ts'
import type { SubscriptionNotice, SubscriptionNoticeKind, TopUpNotice } from './notices.ts'
import type { DifferenceKind } from './reconciliation.ts'
import type { SubscriptionStatus } from './subscription.ts'

/** What the world is told: the payload of each event type. The published JSON Schemas are held to these in tests. */

/** Money as the API and the events write it; amounts in minor units. */
export interface EventMoney {
  amount: number
  currency: string
}

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

export type EventDataByType = EventDataOfFacts & {
  [Kind in SubscriptionNoticeKind as `notice.${Kind}`]: SubscriptionNotice
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

interface EventDataOfFacts {
  'payment.created': PaymentData
  'payment.succeeded': PaymentSucceededData
  'payment.failed': PaymentFailedData
  'payment.expired': PaymentData
  'payment.refunded': PaymentRefundedData
  'refund.created': RefundData
  'refund.succeeded': RefundData
  'refund.failed': RefundData
  'dispute.opened': DisputeData
  'dispute.closed': DisputeData
  'subscription.created': SubscriptionData
  'subscription.activated': SubscriptionData
  'subscription.renewed': SubscriptionRenewedData
  'subscription.updated': SubscriptionData
  'subscription.past_due': SubscriptionData
  'subscription.recovered': SubscriptionData
  'subscription.paused': SubscriptionData
  'subscription.resumed': SubscriptionData
  'subscription.canceled': SubscriptionData
  'subscription.trial_will_end': SubscriptionData
  'dunning.retry_scheduled': DunningRetryScheduledData
  'dunning.retry_failed': DunningRetryFailedData
  'dunning.exhausted': DunningExhaustedData
  'alert.payment_failed': PaymentFailedAlertData
  'alert.refund_failed': RefundData
  'alert.dispute_opened': DisputeData
  'alert.dispute_evidence_due': DisputeData
  'alert.fraud_warning': FraudWarningData
  'credits.purchased': CreditsPurchasedData
  'credits.granted': CreditsGrantedData
  'credits.consumed': CreditsConsumedData
  'credits.expired': CreditsData
  'credits.adjusted': CreditsAdjustedData
  'credits.refunded': CreditsRefundedData
  'credits.low_balance': CreditsLowBalanceData
  'credits.top_up_failed': CreditsTopUpFailedData
  'notice.top_up_failed': TopUpNotice
  'alert.reconciliation_difference': ReconciliationDifferenceData
  'entitlement.role_granted': RoleData
  'entitlement.role_revoked': RoleData
}

export type EventType = keyof EventDataByType

export const topics = {
  payments: 'quittance.payments',
  subscriptions: 'quittance.subscriptions',
  refunds: 'quittance.refunds',
  credits: 'quittance.credits',
  entitlements: 'quittance.entitlements',
  customers: 'quittance.customers',
  notices: 'quittance.notices',
  alerts: 'quittance.alerts',
} as const
export type Topic = (typeof topics)[keyof typeof topics]

/** Projects tell us about their users here. */
export const usersTopic = 'quittance.users'

export function topicOf(type: EventType): Topic {
  if (type.startsWith('payment.')) return topics.payments
  if (type.startsWith('subscription.') || type.startsWith('dunning.')) return topics.subscriptions
  if (type.startsWith('refund.') || type.startsWith('dispute.')) return topics.refunds
  if (type.startsWith('notice.')) return topics.notices
  if (type.startsWith('alert.')) return topics.alerts
  if (type.startsWith('credits.')) return topics.credits
  return topics.entitlements
}

/** One event as a recording transaction hands it to the outbox. */
export type EventDraft = {
  [Type in EventType]: {
    type: Type
    /** The id of what it is about; for credits and entitlements the project's `user_id`. */
    subject: string
    data: EventDataByType[Type]
  }
}[EventType]

/** The version in `dataschema`; a payload that changes incompatibly gets the next one beside it. */
export const EVENT_SCHEMA_VERSION = 1

/** The CloudEvents 1.0 envelope in its structured JSON form. */
export interface CloudEvent {
  specversion: '1.0'
  id: string
  type: `com.quittance.${EventType}`
  source: `/projects/${string}`
  subject: string
  /** The clock of the object: on a test clock it runs ahead of `recordedtime`. */
  time: string
  datacontenttype: 'application/json'
  dataschema: string
  projectid: string
  correlationid: string
  /** Rises by one per topic, source and subject. */
  sequence: number
  recordedtime: string
  data: EventDataByType[EventType]
}

/** Messages of one customer share a key, hence a partition, hence an order. */
export function messageKey(projectId: string, userId: string): string {
  return `${projectId}/${userId}`
}
