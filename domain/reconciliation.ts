import type { PaymentId, ProjectId, RefundId, SubscriptionId } from './ids.ts'

/** Comparing Stripe's books with ours: in which order, what can differ, and what is done about it. */

/** What is done about a difference.
 *  - `look`: Stripe is right; the workflow that owns the object is told to look, and makes our rows follow.
 *  - `take_in`: Stripe is right; the balance transaction is taken in.
 *  - `person`: what is right cannot be known from here, or nothing of ours may decide it. */
export type Remedy = 'look' | 'take_in' | 'person'

export const differenceKinds = {
  customer_missing_at_stripe: ['person', 'Stripe does not know a customer of ours.'],
  customer_deleted: [
    'person',
    'A customer of ours was deleted at Stripe, with their cards and subscriptions.',
  ],
  customer_orphaned: [
    'person',
    'A customer at Stripe carries our ids, and no customer of ours is known by it: made twice, or ours is gone.',
  ],
  subscription_missing_here: ['look', 'A subscription that we sold runs at Stripe and not with us.'],
  subscription_missing_at_stripe: ['person', 'Stripe does not know a subscription of ours.'],
  subscription_canceled_unseen: ['look', 'A subscription was canceled at Stripe, and runs with us.'],
  subscription_revived: ['person', 'A subscription that has ended with us runs at Stripe, and may charge.'],
  subscription_status_differs: ['look', 'The status of a subscription differs.'],
  subscription_price_differs: ['look', 'A subscription is sold at another price than its plan has.'],
  subscription_quantity_differs: ['look', 'The quantity of a subscription differs.'],
  subscription_period_differs: ['look', 'The end of the paid period of a subscription differs.'],
  subscription_ending_differs: ['look', 'Whether a subscription ends with its period differs.'],
  invoice_paid_unseen: ['look', 'An invoice was paid, and its money is not entered.'],
  invoice_void_unseen: ['look', 'An invoice is void or given up at Stripe, and we still collect it.'],
  invoice_unpaid_unseen: ['look', 'An invoice could not be collected, and there is no dunning case for it.'],
  invoice_amount_differs: ['person', 'What an invoice is about differs from what we entered or collect.'],
  invoice_charged_twice: ['person', 'More was collected for an invoice than was due: give the rest back.'],
  charge_without_payment: ['look', 'A customer of ours was charged, and we know of no payment or invoice.'],
  payment_without_charge: [
    'person',
    'A payment counts as succeeded with us, and Stripe has no charge for it.',
  ],
  payment_amount_differs: ['person', 'Another amount was captured for a payment than we entered.'],
  payment_charged_twice: ['person', 'A payment was charged twice: give one of them back.'],
  refund_unknown: ['look', 'Money of a payment of ours was given back, and we do not know of it.'],
  refund_missing_at_stripe: ['person', 'Stripe does not know a refund of ours.'],
  refund_status_differs: ['look', 'The status of a refund differs.'],
  refund_amount_differs: ['person', 'The amount of a refund differs.'],
  refunded_twice: ['person', 'Stripe has given the money of one refund of ours back twice.'],
  dispute_unknown: ['look', 'A bank disputes a charge of ours, and we do not know of it.'],
  dispute_missing_at_stripe: ['person', 'Stripe does not know a dispute of ours.'],
  dispute_status_differs: ['look', 'The status of a dispute differs.'],
  balance_transaction_missing: ['take_in', "A change of Stripe's balance was not taken in."],
  balance_transaction_gone: ['person', 'Stripe does not know a change of its balance that we have taken in.'],
  balance_transaction_differs: ['person', "The amount of a change of Stripe's balance differs."],
  balance_transaction_unexplained: [
    'person',
    "Stripe's balance has changed, and nothing of ours explains it: its money waits in the account `unexplained`.",
  ],
  fee_differs: ['person', 'The fee that Stripe kept differs from the one that we entered.'],
  balance_differs: ['person', "The account stripe_balance of all books differs from Stripe's balance."],
} as const satisfies Record<string, readonly [Remedy, string]>

export type DifferenceKind = keyof typeof differenceKinds
export const differenceKindNames = Object.keys(differenceKinds) as DifferenceKind[]

export const remedyOf = (kind: DifferenceKind): Remedy => differenceKinds[kind][0]
export const explanationOf = (kind: DifferenceKind): string => differenceKinds[kind][1]

export type DifferenceStatus =
  | 'found'
  /** Both sides agree now. */
  | 'repaired'
  | 'needs_person'
export const differenceStatuses = ['found', 'repaired', 'needs_person'] as const satisfies DifferenceStatus[]

/** One thing on which the two sides do not agree. */
export interface Finding {
  kind: DifferenceKind
  stage: Stage
  /** Whose it is; the account's own book where it is nobody's. */
  projectId: ProjectId
  userId?: string
  /** What it is about with us, where we have it. */
  subjectId?: string
  /** What it is about at Stripe, where it is there. */
  stripeId?: string
  ours?: Value
  stripes?: Value
  owner?: OwnerToTell
}

/** What each side says: small enough to be read. */
export type Value = Record<string, string | number | boolean | null>

/** Whom to tell that something at Stripe has changed that nobody has heard of. */
export interface OwnerToTell {
  about: 'payment' | 'subscription' | 'invoice' | 'refund' | 'dispute'
  projectId: ProjectId
  paymentId?: PaymentId
  subscriptionId?: SubscriptionId
  /** Ours, where the object names it. */
  refundId?: RefundId
  /** Of the object that has changed. */
  stripeId: string
  stripeSubscriptionId?: string
  stripeChargeId?: string
  stripePaymentIntentId?: string
  billingReason?: string
}

/** Takes the differences of one object apart from those of all others, run after run. */
export const differenceKey = ({
  kind,
  stripeId,
  subjectId,
}: Pick<Finding, 'kind' | 'stripeId' | 'subjectId'>) => `${kind}/${stripeId ?? subjectId ?? ''}`

/** In this order: what is paid before what is given back, each side before the other, money last. */
export const stages = [
  'take_in',
  'customers',
  'subscriptions',
  'invoices',
  'charges',
  'refunds',
  'disputes',
  'balance_transactions',
  'our_customers',
  'our_subscriptions',
  'our_payments',
  'our_refunds',
  'our_disputes',
  'our_balance_transactions',
  'repair',
  'balance',
] as const
export type Stage = (typeof stages)[number]

export function stageAfter(stage: Stage): Stage | undefined {
  return stages[stages.indexOf(stage) + 1]
}

/** What each stage does, for operators. */
export const stageDescriptions: Record<Stage, string> = {
  take_in: "Taking in what has changed Stripe's balance",
  customers: "Comparing Stripe's customers with ours",
  subscriptions: "Comparing Stripe's subscriptions with ours",
  invoices: "Comparing Stripe's invoices with ours",
  charges: "Comparing Stripe's charges with our payments",
  refunds: "Comparing Stripe's refunds with ours",
  disputes: "Comparing Stripe's disputes with ours",
  balance_transactions: 'Looking for changes of the balance that were not taken in',
  our_customers: 'Looking for customers of ours that Stripe does not have',
  our_subscriptions: 'Looking for subscriptions of ours that Stripe does not have',
  our_payments: 'Looking for payments of ours without a charge',
  our_refunds: 'Looking for refunds of ours that Stripe does not have',
  our_disputes: 'Looking for disputes of ours that Stripe does not have',
  our_balance_transactions: 'Looking for changes of the balance that Stripe does not have',
  repair: 'Having differences repaired',
  balance: 'Comparing the balance',
}

/** Calls of Stripe's API that one run makes: more than most accounts need, and in an hour far below Stripe's limit. */
export const CALLS_AT_MOST = 5_000

export const reconciliationStatuses = ['running', 'completed', 'out_of_calls', 'abandoned'] as const
export type ReconciliationStatus = (typeof reconciliationStatuses)[number]
