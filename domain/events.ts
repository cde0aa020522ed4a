import type {
  CreditsAdjustedData,
  CreditsConsumedData,
  CreditsData,
  CreditsGrantedData,
  CreditsLowBalanceData,
  CreditsPurchasedData,
  CreditsRefundedData,
  CreditsTopUpFailedData,
  DisputeData,
  DunningExhaustedData,
  DunningRetryFailedData,
  DunningRetryScheduledData,
  FraudWarningData,
  PaymentData,
  PaymentFailedAlertData,
  PaymentFailedData,
  PaymentRefundedData,
  PaymentSucceededData,
  ReconciliationDifferenceData,
  RefundData,
  RoleData,
  SubscriptionData,
  SubscriptionRenewedData,
} from './event-data.ts'
import type { SubscriptionNotice, SubscriptionNoticeKind, TopUpNotice } from './notices.ts'

/** Which events there are, with what each tells, and how they travel. */

export type EventDataByType = EventDataOfFacts & {
  [Kind in SubscriptionNoticeKind as `notice.${Kind}`]: SubscriptionNotice
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
