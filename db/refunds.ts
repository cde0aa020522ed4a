import { and, asc, desc, eq, sql } from 'drizzle-orm'
import { BillingError } from '../domain/errors.ts'
import type { RefundData } from '../domain/events.ts'
import type { CustomerId, PaymentId, ProjectId, RefundId, SubscriptionId } from '../domain/ids.ts'
import { currency, describeMoney, money } from '../domain/money.ts'
import {
  amountLeft,
  type ChargeSnapshot,
  defaultRefundPolicy,
  type RefundOrigin,
  type RefundPolicy,
  type RefundStatus,
  taxShare,
  withTax,
} from '../domain/refunds.ts'
import type { PaymentType } from '../domain/catalog.ts'
import { writeAudit } from './audit.ts'
import type { Database, Transaction } from './client.ts'
import { once } from './once.ts'
import { appendEvents } from './outbox.ts'
import { charges, refundPolicies, refunds } from './schema/index.ts'
import { ownStripeObjects } from './stripe-objects.ts'
import { findUnusedCredits, returnLot, takeBackLot } from './take-back-lot.ts'

export type RefundRow = typeof refunds.$inferSelect
export type ChargeRow = typeof charges.$inferSelect

/** Whose charge it is, and what it paid for. */
export interface ChargeOwner {
  projectId: ProjectId
  customerId: CustomerId
  userId: string
  livemode: boolean
  type: PaymentType
  paymentId: PaymentId | null
  subscriptionId: SubscriptionId | null
  invoiceId: string | null
  correlationId: string
}

/** Remembers a charge that somebody wants back, and holds its row to the end of the transaction: whoever else reckons what is
 *  left of it waits. */
export async function lockCharge(
  transaction: Transaction,
  owner: ChargeOwner,
  seen: ChargeSnapshot,
): Promise<ChargeRow> {
  const { projectId, livemode } = owner
  const inserted = await transaction
    .insert(charges)
    .values({
      ...owner,
      stripeChargeId: seen.stripeChargeId,
      amount: seen.captured.amountMinor,
      currency: seen.captured.currency,
      tax: seen.tax,
      capturedAt: new Date(seen.capturedAt),
    })
    .onConflictDoNothing()
    .returning()
  const ownerId = owner.subscriptionId ?? owner.paymentId
  if (inserted.length > 0 && ownerId !== null)
    await ownStripeObjects(transaction, { projectId, ownerId, livemode }, [
      seen.stripeChargeId,
      seen.stripePaymentIntentId,
    ])
  const [row] = await transaction
    .select()
    .from(charges)
    .where(and(eq(charges.projectId, projectId), eq(charges.stripeChargeId, seen.stripeChargeId)))
    .for('update')
  if (!row) throw new Error(`charge ${seen.stripeChargeId} is missing`)
  return row
}

export async function readCharge(
  transaction: Transaction,
  projectId: ProjectId,
  stripeChargeId: string,
): Promise<ChargeRow> {
  const [row] = await transaction
    .select()
    .from(charges)
    .where(and(eq(charges.projectId, projectId), eq(charges.stripeChargeId, stripeChargeId)))
  if (!row) throw new Error(`charge ${stripeChargeId} is missing`)
  return row
}

export interface NewRefund {
  refundId: RefundId
  /** All that is left, when left out. */
  amount: number | undefined
  reason: string | undefined
  origin: RefundOrigin
  /** What follows from how much it is, and how much was left. */
  terms: (
    amount: number,
    left: number,
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
    const reserved = await reservedOf(transaction, charge, seen, asked.stripeRefundId)
    const unused = asked.takesCredits ? await unusedOf(transaction, charge) : undefined
    const left = Math.min(charge.amount - reserved, unused ?? charge.amount)
    const amount = asked.amount ?? left
    // What has been made at Stripe is a fact, whatever we reckon.
    if (asked.stripeRefundId === undefined) refuseBeyond(left, amount, charge)
    const tax = taxShare(amount, { captured: charge.amount, tax: charge.tax, before: reserved })
    // Before the money goes, so that nobody spends them meanwhile; they come back if it does not go.
    const creditShare = unused === undefined ? 0 : await takeCredits(transaction, charge, asked, amount - tax)
    const { status, subscriptionAction } = asked.terms(amount, left)
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

/** Oldest first. */
export function listRefundsOfCharge(
  transaction: Transaction,
  { projectId, stripeChargeId }: Pick<ChargeRow, 'projectId' | 'stripeChargeId'>,
): Promise<RefundRow[]> {
  return transaction
    .select()
    .from(refunds)
    .where(and(eq(refunds.projectId, projectId), eq(refunds.stripeChargeId, stripeChargeId)))
    .orderBy(asc(refunds.createdAt), asc(refunds.refundId))
}

export async function findRefund(
  transaction: Transaction,
  projectId: ProjectId,
  refundId: RefundId,
): Promise<RefundRow | undefined> {
  const [row] = await transaction.select().from(refunds).where(isRefund(projectId, refundId))
  return row
}

/** @throws Error when the row is missing, which only a defect of ours can cause. */
export async function readRefund(
  transaction: Transaction,
  projectId: ProjectId,
  refundId: RefundId,
): Promise<RefundRow> {
  const row = await findRefund(transaction, projectId, refundId)
  if (!row) throw new Error(`refund ${refundId} is missing`)
  return row
}

/** Holds the row to the end of the transaction. */
export async function lockRefund(
  transaction: Transaction,
  projectId: ProjectId,
  refundId: RefundId,
): Promise<RefundRow> {
  const [row] = await transaction.select().from(refunds).where(isRefund(projectId, refundId)).for('update')
  if (!row) throw new Error(`refund ${refundId} is missing`)
  return row
}

export async function updateRefund(
  transaction: Transaction,
  { projectId, refundId }: Pick<RefundRow, 'projectId' | 'refundId'>,
  columns: Partial<typeof refunds.$inferInsert>,
): Promise<RefundRow> {
  const [row] = await transaction
    .update(refunds)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(isRefund(projectId, refundId))
    .returning()
  if (!row) throw new Error(`refund ${refundId} is missing`)
  return row
}

/** Newest first. */
export function listRefunds(
  transaction: Transaction,
  projectId: ProjectId,
  page: {
    livemode: boolean
    limit: number
    before: { createdAt: Date; id: string } | undefined
    paymentId?: PaymentId | undefined
    status?: RefundStatus | undefined
  },
): Promise<RefundRow[]> {
  const { livemode, limit, before, paymentId, status } = page
  return transaction
    .select()
    .from(refunds)
    .where(
      and(
        eq(refunds.projectId, projectId),
        eq(refunds.livemode, livemode),
        paymentId && eq(refunds.paymentId, paymentId),
        status && eq(refunds.status, status),
        before &&
          sql`(${refunds.createdAt}, ${refunds.refundId}) < (${before.createdAt.toISOString()}::timestamptz, ${before.id})`,
      ),
    )
    .orderBy(desc(refunds.createdAt), desc(refunds.refundId))
    .limit(limit)
}

/** What the world is told of a refund. */
export function refundData(row: RefundRow): RefundData {
  return {
    refund_id: row.refundId,
    user_id: row.userId,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    origin: row.origin,
    ...(row.paymentId !== null && { payment_id: row.paymentId }),
    ...(row.subscriptionId !== null && { subscription_id: row.subscriptionId }),
    ...(row.invoiceId !== null && { invoice_id: row.invoiceId }),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.failureCode !== null && { failure_code: row.failureCode }),
  }
}

export async function currentRefundPolicy(
  transaction: Transaction,
  projectId: ProjectId,
): Promise<{ version: number; policy: RefundPolicy }> {
  const [row] = await transaction
    .select()
    .from(refundPolicies)
    .where(eq(refundPolicies.projectId, projectId))
    .orderBy(desc(refundPolicies.version))
    .limit(1)
  return row ? { version: row.version, policy: row.policy } : { version: 0, policy: defaultRefundPolicy }
}

/** Each setting is the next version. */
export async function setRefundPolicy(
  transaction: Transaction,
  { projectId, policy, setBy }: { projectId: ProjectId; policy: RefundPolicy; setBy: string },
): Promise<number> {
  await transaction.execute(sql`select pg_advisory_xact_lock(hashtext(${`refund-policy/${projectId}`}))`)
  const { version } = await currentRefundPolicy(transaction, projectId)
  await transaction.insert(refundPolicies).values({ projectId, version: version + 1, policy, setBy })
  return version + 1
}

/** What the inbox and the sweep may know of a refund, before a tenant is set. */
export interface RefundOwner {
  projectId: ProjectId
  refundId: RefundId
  customerId: CustomerId
  userId: string
  livemode: boolean
  status: RefundStatus
  correlationId: string
}

const ownerColumns = {
  projectId: refunds.projectId,
  refundId: refunds.refundId,
  customerId: refunds.customerId,
  userId: refunds.userId,
  livemode: refunds.livemode,
  status: refunds.status,
  correlationId: refunds.correlationId,
}

export async function findRefundOwner(
  system: Database,
  { projectId, refundId }: Pick<RefundOwner, 'projectId' | 'refundId'>,
): Promise<RefundOwner | undefined> {
  const [row] = await system.select(ownerColumns).from(refunds).where(isRefund(projectId, refundId))
  return row
}

/** Takes refunds whose start is due, oldest first, and puts them off: should the start fail unseen, they come again. */
export async function claimDueRefunds(
  system: Database,
  { limit, postpone_s }: { limit: number; postpone_s: number },
): Promise<RefundOwner[]> {
  const due = sql`(
    select project_id, refund_id from ${refunds}
    where status = 'pending' and stripe_refund_id is null and start_due_at <= now()
    order by start_due_at limit ${limit} for update skip locked)`
  return system
    .update(refunds)
    .set({ startDueAt: sql`now() + ${postpone_s} * interval '1 second'` })
    .where(sql`(${refunds.projectId}, ${refunds.refundId}) in ${due}`)
    .returning(ownerColumns)
}

const isRefund = (projectId: ProjectId, refundId: RefundId) =>
  and(eq(refunds.projectId, projectId), eq(refunds.refundId, refundId))
