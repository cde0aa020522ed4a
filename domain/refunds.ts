import type { PaymentId, RefundId, SubscriptionId } from './ids.ts'
import type { Transfer } from './ledger.ts'
import { amountStepOf, type Money, money } from './money.ts'

/** Giving money back: what may be given, what Stripe tells of it, and what follows from that. */

export const refundStatuses = ['awaiting_approval', 'pending', 'succeeded', 'failed'] as const
export type RefundStatus = (typeof refundStatuses)[number]

/** Who came upon the idea. `dashboard`: somebody at Stripe; `late_payment`: the money came in when nothing was owed any more; the
 *  other two are ours, by policy. */
export const refundOrigins = [
  'request',
  'dashboard',
  'cancellation',
  'fraud_warning',
  'late_payment',
] as const
export type RefundOrigin = (typeof refundOrigins)[number]

/** Money that was captured: what refunds and disputes are reckoned against. */
export interface ChargeSnapshot {
  stripeChargeId: string
  stripePaymentIntentId?: string
  /** The invoice that it paid. */
  stripeInvoiceId?: string
  captured: Money
  /** What of it is tax, in minor units. */
  tax: number
  /** Milliseconds since 1970. */
  capturedAt: number
  /** A bank has taken the money back, or means to. */
  isDisputed: boolean
  /** All of them, whoever made them. */
  refunds: RefundSnapshot[]
}

/** A refund as Stripe has it. */
export interface RefundSnapshot {
  stripeRefundId: string
  stripeChargeId: string
  status: 'pending' | 'succeeded' | 'failed' | 'canceled'
  amount: Money
  failureReason?: string
  /** Ours, where we made it. */
  refundId?: RefundId
  /** Milliseconds since 1970. */
  createdAt: number
}

/** A refund that nobody has asked us for: its row is written here, by the workflow that owns it. */
export type RefundOpening =
  /** Somebody has made it in Stripe's dashboard. */
  | { kind: 'dashboard'; stripeRefundId: string; ownerId: PaymentId | SubscriptionId }
  /** A subscription was canceled at once, and its policy gives back what was paid for the rest of the period. */
  | {
      kind: 'cancellation'
      ownerId: PaymentId | SubscriptionId
      /** The last that was paid. What goes back is reckoned over all that paid for the period. */
      invoiceId: string
      endedAt: number
      by: string
    }
  /** A bank suspects fraud. */
  | {
      kind: 'fraud_warning'
      warningId: string
      ownerId: PaymentId | SubscriptionId
      chargeId: string
      fraudType: string
    }
  /** An invoice was paid when its subscription had ended, and nobody owed it any more. */
  | { kind: 'late_payment'; ownerId: SubscriptionId; invoiceId: string }

/** What a look at Stripe means for a refund. A bank may return the money days after it was sent: what has succeeded can still
 *  fail. What has failed stays so; another try is another refund. */
export function nextRefundStatus(status: RefundStatus, seen: RefundSnapshot['status']): RefundStatus {
  if (status === 'failed') return 'failed'
  if (seen === 'failed' || seen === 'canceled') return 'failed'
  return seen === 'succeeded' ? 'succeeded' : status
}

/** How much of a charge can still be given back: what was captured without what is given back or asked for already. */
export function amountLeft(
  captured: number,
  { ours, atStripe }: { ours: KnownRefund[]; atStripe: RefundSnapshot[] },
): number {
  const standing = ours.filter(({ status }) => status !== 'failed')
  const reserved = standing.map(({ amount }) => amount)
  // Made in the dashboard a moment ago, or after it was given up here: nobody has told us yet.
  const unknown = atStripe
    .filter(({ status }) => status === 'pending' || status === 'succeeded')
    .filter(
      (seen) =>
        !standing.some(
          ({ refundId, stripeRefundId }) =>
            refundId === seen.refundId || stripeRefundId === seen.stripeRefundId,
        ),
    )
    .map(({ amount }) => amount.amountMinor)
  return Math.max(0, captured - sum(reserved) - sum(unknown))
}

export interface KnownRefund {
  refundId: RefundId
  stripeRefundId: string | null
  status: RefundStatus
  amount: number
}

/** The share of a paid period that is left from a moment on, to the second as Stripe prorates, rounded in the customer's favour
 *  to the next amount that Stripe moves in the currency. */
export function unusedShare(paid: Money, period: { start: number; end: number }, from: number): Money {
  const seconds = (time: number) => Math.floor(time / 1000)
  const whole = seconds(period.end) - seconds(period.start)
  const left = Math.min(Math.max(seconds(period.end) - seconds(from), 0), whole)
  if (whole <= 0) return money(0, paid.currency)
  // Integers beyond 2^53 are reached by large amounts times seconds. Division cuts off: what is negative is rounded up by that.
  const product = BigInt(paid.amountMinor) * BigInt(left)
  const share = (product > 0n ? product + BigInt(whole) - 1n : product) / BigInt(whole)
  const step = amountStepOf(paid.currency)
  const rounded = Math.ceil(Number(share) / step) * step
  return money(paid.amountMinor > 0 ? Math.min(rounded, paid.amountMinor) : rounded, paid.currency)
}

/** A paid invoice of a subscription: what was collected for each line, with tax and without discounts, negative for credit. */
export interface PaidInvoice {
  invoiceId: string
  lines: { amount: Money; period: { start: number; end: number } }[]
}

/** What was paid for time that had not passed at a moment. After a change of plan within the period that is spread over several
 *  invoices: what the period had cost, the credit for the rest of the old plan, the price of the rest of the new one. */
export function unusedMinor(invoices: PaidInvoice[], from: number): number {
  const shares = invoices
    .flatMap(({ lines }) => lines)
    .map(({ amount, period }) => unusedShare(amount, period, from).amountMinor)
  return Math.max(0, sum(shares))
}

/** How much of a refund is tax: reckoned over all refunds of the charge so far, so that a charge which is refunded in parts has
 *  given back exactly its tax in the end. */
export function taxShare(
  refund: number,
  { captured, tax, before }: { captured: number; tax: number; before: number },
): number {
  if (captured === 0) return 0
  const upTo = (refunded: number) => Number((BigInt(refunded) * BigInt(tax)) / BigInt(captured))
  return upTo(before + refund) - upTo(before)
}

/** How much goes back for a share of a charge that is reckoned without tax. */
export function withTax(net: number, { captured, tax }: { captured: number; tax: number }): number {
  if (tax === 0) return net
  return Math.min(captured, Number((BigInt(net) * BigInt(captured)) / BigInt(captured - tax)))
}

/** Money went back through Stripe: tax that the state gets no more, credits that are owed no more, and what had been earned. */
export function refundTransfers(amount: Money, of: { creditShare: number; taxShare: number }): Transfer[] {
  const { currency } = amount
  const shares: [debit: Transfer['debit'], amountMinor: number][] = [
    ['customer_credits', of.creditShare],
    ['tax', of.taxShare],
    ['refunds', amount.amountMinor - of.creditShare - of.taxShare],
  ]
  return shares
    .filter(([, amountMinor]) => amountMinor > 0)
    .map(([debit, amountMinor]) => ({ debit, credit: 'stripe_balance', amount: { amountMinor, currency } }))
}

/** The bank could not take it: the money is back with us. */
export function reversed(transfers: Transfer[]): Transfer[] {
  return transfers.map(({ debit, credit, amount }) => ({ debit: credit, credit: debit, amount }))
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Banks take days; after a month it has become strange. */
const LIMIT = 30 * DAY

/** When to look at a refund that is under way, unless news comes first. Milliseconds since 1970.
 *  @returns `undefined` when a person should look. */
export function nextRefundLook({ askedAt, now }: { askedAt: number; now: number }): number | undefined {
  const planned = [5 * MINUTE, HOUR, 6 * HOUR, DAY].map((wait) => askedAt + wait).find((at) => at > now)
  if (planned !== undefined) return planned
  return now < askedAt + LIMIT ? now + DAY : undefined
}

/** What a project does about refunds, disputes and warnings of fraud. */
export interface RefundPolicy {
  /** A refund by which more than that goes back of a charge, in the minor units of the project's currency, waits for a second
   *  person; so does each refund in another currency then. */
  approvalAbove?: number
  /** What becomes of a subscription whose current period is refunded in full. */
  subscription: 'keep' | 'cancel'
  /** Whether credits that were paid for go with the money. Only those that are unused can be refunded then. */
  credits: 'take_back' | 'keep'
  /** Whether a subscription that is canceled at once gives back what was paid for the rest of its period. */
  onCancellation: 'keep' | 'prorate'
  /** What follows when the bank takes the money of a subscription back. */
  onDispute: 'keep' | 'cancel'
  onFraudWarning: 'alert' | 'refund'
}

export const defaultRefundPolicy: RefundPolicy = {
  subscription: 'keep',
  credits: 'take_back',
  onCancellation: 'keep',
  onDispute: 'keep',
  onFraudWarning: 'alert',
}

/** Whether a second person must agree.
 *  @param amount what has gone back of the charge with this refund: slices do not add up to what nobody has agreed to */
export function needsApproval(
  { approvalAbove }: RefundPolicy,
  amount: Money,
  projectCurrency: string,
): boolean {
  if (approvalAbove === undefined) return false
  return amount.currency !== projectCurrency || amount.amountMinor > approvalAbove
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
