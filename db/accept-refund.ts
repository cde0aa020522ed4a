import { BillingError } from '../domain/errors.ts'
import type { RefundId } from '../domain/ids.ts'
import { currency, describeMoney, money } from '../domain/money.ts'
import {
  amountLeft,
  type ChargeSnapshot,
  type RefundOrigin,
  type RefundPolicy,
  type RefundStatus,
  taxShare,
  withTax,
} from '../domain/refunds.ts'
import { writeAudit } from './audit.ts'
import type { ChargeRow } from './charges.ts'
import type { Transaction } from './client.ts'
import { once } from './once.ts'
import { appendEvents } from './outbox.ts'
import { listRefundsOfCharge, readRefund, refundData, type RefundRow } from './refunds.ts'
import { refunds } from './schema/index.ts'
import { findUnusedCredits, returnLot, takeBackLot } from './take-back-lot.ts'

export interface NewRefund {
  refundId: RefundId
  /** All that is left, when left out. */
  amount: number | undefined
  reason: string | undefined
  origin: RefundOrigin
  /** What follows from how much it is, how much was left, and how much of the charge it makes with all refunds before it. */
  terms: (
    amount: number,
    left: number,
    inAll: number,
  ) => {
    status: Extract<RefundStatus, 'awaiting_approval' | 'pending'>
    subscriptionAction: RefundPolicy['subscription']
  }
  requestedBy: string
  /** Of the request; that of the charge where nobody has asked. */
  correlationId?: string
  /** By the clock of the customer. */
  at: Date
  why: string
  stripeRefundId?: string
  /** By policy: credits that were paid for go with the money, and only what is unused can be refunded. */
  takesCredits: boolean
}

/** Accepts a refund of a charge whose row is held: the row that reserves its amount, with event and audit. Accepting it again
 *  finds the first.
 *  @throws BillingError `nothing_to_refund`, `refund_exceeds_remaining` with what is left. */
export async function acceptRefund(
  transaction: Transaction,
  charge: ChargeRow,
  seen: ChargeSnapshot,
  asked: NewRefund,
): Promise<RefundRow> {
  const { projectId, userId } = charge
  const { refundId, correlationId = charge.correlationId } = asked
  const intent = `${refundId}/accepted`
  await once(transaction, { projectId, intent }, async () => {
    const { reserved, unused, left } = await leftToRefund(transaction, charge, seen, asked)
    const amount = asked.amount ?? left
    // What has been made at Stripe is a fact, whatever we reckon.
    if (asked.stripeRefundId === undefined) refuseBeyond(left, amount, charge)
    const tax = taxShare(amount, { captured: charge.amount, tax: charge.tax, before: reserved })
    // Before the money goes, so that nobody spends them meanwhile; they come back if it does not go.
    const creditShare = unused === undefined ? 0 : await takeCredits(transaction, charge, asked, amount - tax)
    const { status, subscriptionAction } = asked.terms(amount, left, reserved + amount)
    const [row] = await transaction
      .insert(refunds)
      .values({
        ...ownerOf(charge),
        correlationId,
        stripeChargeId: charge.stripeChargeId,
        refundId,
        amount,
        creditShare,
        taxShare: tax,
        currency: charge.currency,
        reason: asked.reason ?? null,
        status,
        origin: asked.origin,
        subscriptionAction,
        requestedBy: asked.requestedBy,
        requestedAt: asked.at,
        stripeRefundId: asked.stripeRefundId ?? null,
      })
      .returning()
    if (!row) throw new Error('a refund was not inserted')
    await writeAudit(transaction, {
      projectId,
      actor: asked.requestedBy,
      action: 'refund.created',
      subjectId: refundId,
      why: asked.reason ?? asked.why,
      correlationId,
      stripeIds: [charge.stripeChargeId, ...(asked.stripeRefundId ? [asked.stripeRefundId] : [])],
      amount,
      currency: charge.currency,
      after: { status },
      occurredAt: asked.at,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: asked.at }, [
      { type: 'refund.created', subject: refundId, data: refundData(row) },
    ])
  })
  return readRefund(transaction, projectId, refundId)
}

/** What can still be given back of a charge whose row is held: neither given back nor asked for yet, and where credits go with
 *  the money, no more than the unused ones stand for. */
export async function leftToRefund(
  transaction: Transaction,
  charge: ChargeRow,
  seen: ChargeSnapshot,
  { takesCredits, stripeRefundId }: Pick<NewRefund, 'takesCredits' | 'stripeRefundId'>,
): Promise<{ reserved: number; unused: number | undefined; left: number }> {
  const reserved = await reservedOf(transaction, charge, seen, stripeRefundId)
  const unused = takesCredits ? await unusedOf(transaction, charge) : undefined
  return { reserved, unused, left: Math.min(charge.amount - reserved, unused ?? charge.amount) }
}

function refuseBeyond(left: number, amount: number, { currency: code }: ChargeRow): void {
  const facts = { amount_left: left, currency: code }
  if (left === 0) throw new BillingError('nothing_to_refund', { facts })
  if (amount > left)
    throw new BillingError('refund_exceeds_remaining', {
      detail: `Only ${describeMoney(money(left, currency(code)))} of it is left to refund. Send amount ${left} or less, or leave it out for all of it.`,
      facts,
    })
}

/** What can go back for credits that are not used yet, with its tax; `undefined` where it bought none. */
async function unusedOf(
  transaction: Transaction,
  { projectId, paymentId, amount, tax }: ChargeRow,
): Promise<number | undefined> {
  const unused = paymentId && (await findUnusedCredits(transaction, { projectId, paymentId }))
  return unused ? withTax(unused.share.amountMinor, { captured: amount, tax }) : undefined
}

/** @param net what they are to stand for
 *  @returns what they do stand for: rounding may leave a minor unit */
async function takeCredits(
  transaction: Transaction,
  charge: ChargeRow,
  { refundId, requestedBy, stripeRefundId, correlationId = charge.correlationId }: NewRefund,
  net: number,
): Promise<number> {
  const { projectId, paymentId } = charge
  if (paymentId === null) return 0
  const taken = await takeBackLot(transaction, {
    projectId,
    paymentId,
    refundId,
    actor: requestedBy,
    correlationId,
    amountMinor: net,
  })
  const share = taken?.share.amountMinor ?? 0
  // Spent in this very moment.
  if (stripeRefundId === undefined && share < net - 1) refuseBeyond(share, net, charge)
  return share
}

/** Gives back the credits that a refund had taken, because its money did not go. */
export async function returnCredits(
  transaction: Transaction,
  { projectId, paymentId, refundId, creditShare, requestedBy, correlationId }: RefundRow,
): Promise<void> {
  if (creditShare > 0 && paymentId !== null)
    await returnLot(transaction, { projectId, paymentId, refundId, actor: requestedBy, correlationId })
}

const ownerOf = ({
  projectId,
  customerId,
  userId,
  livemode,
  paymentId,
  subscriptionId,
  invoiceId,
  correlationId,
}: ChargeRow) => ({
  projectId,
  customerId,
  userId,
  livemode,
  paymentId,
  subscriptionId,
  invoiceId,
  correlationId,
})

async function reservedOf(
  transaction: Transaction,
  charge: ChargeRow,
  seen: ChargeSnapshot,
  except?: string,
): Promise<number> {
  const ours = await listRefundsOfCharge(transaction, charge)
  const atStripe = seen.refunds.filter(({ stripeRefundId }) => stripeRefundId !== except)
  return charge.amount - amountLeft(charge.amount, { ours, atStripe })
}
