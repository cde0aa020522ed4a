import { and, eq, sql } from 'drizzle-orm'
import type { Purchase } from '../domain/catalog.ts'
import { nameOf, paymentTypeOf, totalOf } from '../domain/catalog.ts'
import type { ChargeAttempt } from '../domain/checkout.ts'
import type { PaymentData } from '../domain/event-data.ts'
import type { ClockId, PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import { currency, money } from '../domain/money.ts'
import { writeAudit } from './audit.ts'
import { findProduct, readPlan, toPlan, toProduct } from './catalog.ts'
import type { Transaction } from './client.ts'
import { ensureCustomer } from './customers.ts'
import { once } from './once.ts'
import { appendEvents } from './outbox.ts'
import { paymentAttempts, payments } from './schema/index.ts'

export type PaymentRow = typeof payments.$inferSelect

export interface NewPayment {
  projectId: ProjectId
  paymentId: PaymentId
  /** The subscription to come, when a plan is bought. */
  subscriptionId: SubscriptionId | undefined
  userId: string
  email: string | undefined
  livemode: boolean
  purchase: Purchase
  successUrl: string
  cancelUrl: string
  metadata: Record<string, string>
  /** For a user's first payment in test mode. */
  clockId: ClockId | undefined
  correlationId: string
  /** Who asked: a key's or an operator's id. */
  actor: string
  why?: string
  /** When the sweep starts its checkout, where that is not in a moment. */
  startDueAt?: Date
}

/** Accepts a payment: the row that says it exists, with its event and audit. Accepting it again finds the first. */
export async function acceptPayment(transaction: Transaction, accepted: NewPayment): Promise<PaymentRow> {
  const { projectId, paymentId, userId, purchase, correlationId } = accepted
  const intent = `${paymentId}/accepted`
  await once(transaction, { projectId, intent }, async () => {
    const customer = await ensureCustomer(transaction, accepted)
    const total = totalOf(purchase)
    const [row] = await transaction
      .insert(payments)
      .values({
        projectId,
        paymentId,
        customerId: customer.customerId,
        userId,
        livemode: accepted.livemode,
        type: paymentTypeOf(purchase),
        status: 'pending',
        amount: total.amountMinor,
        currency: total.currency,
        quantity: purchase.quantity,
        planId: purchase.kind === 'plan' ? purchase.plan.id : null,
        planVersion: purchase.kind === 'plan' ? purchase.plan.version : null,
        productId: purchase.kind === 'product' ? purchase.product.id : null,
        description: nameOf(purchase),
        subscriptionId: accepted.subscriptionId ?? null,
        successUrl: accepted.successUrl,
        cancelUrl: accepted.cancelUrl,
        metadata: accepted.metadata,
        correlationId,
        ...(accepted.startDueAt && { startDueAt: accepted.startDueAt }),
      })
      .returning()
    if (!row) throw new Error('a payment was not inserted')
    const occurredAt = row.createdAt
    await writeAudit(transaction, {
      projectId,
      actor: accepted.actor,
      action: 'payment.accepted',
      subjectId: paymentId,
      why: accepted.why ?? 'A payment was requested over the API.',
      correlationId,
      stripeIds: [],
      after: { status: row.status, amount: row.amount, currency: row.currency },
      occurredAt,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt }, [
      { type: 'payment.created', subject: paymentId, data: paymentData(row) },
    ])
  })
  return readPayment(transaction, projectId, paymentId)
}

/** @throws Error when the row is missing, which only a defect of ours can cause. */
export async function readPayment(
  transaction: Transaction,
  projectId: ProjectId,
  paymentId: PaymentId,
): Promise<PaymentRow> {
  const row = await findPayment(transaction, projectId, paymentId)
  if (!row) throw new Error(`payment ${paymentId} is missing`)
  return row
}

export async function findPayment(
  transaction: Transaction,
  projectId: ProjectId,
  paymentId: PaymentId,
): Promise<PaymentRow | undefined> {
  const [row] = await transaction.select().from(payments).where(isPayment(projectId, paymentId))
  return row
}

/** Holds the payment's row to the end of the transaction. */
export async function lockPayment(
  transaction: Transaction,
  projectId: ProjectId,
  paymentId: PaymentId,
): Promise<PaymentRow> {
  const [row] = await transaction.select().from(payments).where(isPayment(projectId, paymentId)).for('update')
  if (!row) throw new Error(`payment ${paymentId} is missing`)
  return row
}

export async function updatePayment(
  transaction: Transaction,
  { projectId, paymentId }: Pick<PaymentRow, 'projectId' | 'paymentId'>,
  columns: Partial<typeof payments.$inferInsert>,
): Promise<PaymentRow> {
  const [row] = await transaction
    .update(payments)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(isPayment(projectId, paymentId))
    .returning()
  if (!row) throw new Error(`payment ${paymentId} is missing`)
  return row
}

/** Writes each try to charge as Stripe tells it. One that was pending may have ended since; an end is final. */
export async function savePaymentAttempts(
  transaction: Transaction,
  { projectId, paymentId }: Pick<PaymentRow, 'projectId' | 'paymentId'>,
  attempts: ChargeAttempt[],
): Promise<void> {
  if (attempts.length === 0) return
  await transaction
    .insert(paymentAttempts)
    .values(
      attempts.map((attempt) => ({
        projectId,
        paymentId,
        stripeChargeId: attempt.stripeChargeId,
        amount: attempt.money.amountMinor,
        currency: attempt.money.currency,
        outcome: attempt.outcome,
        declineCode: attempt.declineCode ?? null,
        adviceCode: attempt.adviceCode ?? null,
        attemptedAt: new Date(attempt.attemptedAt),
      })),
    )
    .onConflictDoUpdate({
      target: [paymentAttempts.projectId, paymentAttempts.paymentId, paymentAttempts.stripeChargeId],
      set: {
        outcome: sql`excluded.outcome`,
        declineCode: sql`excluded.decline_code`,
        adviceCode: sql`excluded.advice_code`,
      },
      setWhere: eq(paymentAttempts.outcome, 'pending'),
    })
}

/** What a payment is for, as it was when the payment was accepted. */
export async function readPurchase(
  transaction: Transaction,
  payment: PaymentRow,
): Promise<PurchaseWithPrice> {
  const { projectId, quantity } = payment
  if (payment.planId !== null && payment.planVersion !== null) {
    const plan = await readPlan(transaction, {
      projectId,
      planId: payment.planId,
      version: payment.planVersion,
    })
    return {
      purchase: { kind: 'plan', plan: toPlan(plan), quantity },
      stripePriceId: plan.stripePriceId ?? undefined,
    }
  }
  if (payment.productId !== null) {
    const product = await findProduct(transaction, projectId, payment.productId)
    if (!product) throw new Error(`product ${payment.productId} is missing`)
    return {
      purchase: { kind: 'product', product: toProduct(product), quantity },
      stripePriceId: product.stripePriceId ?? undefined,
    }
  }
  const price = money(payment.amount / quantity, currency(payment.currency))
  return {
    purchase: { kind: 'amount', description: payment.description ?? '', price, quantity },
    stripePriceId: undefined,
  }
}

export interface PurchaseWithPrice {
  purchase: Purchase
  stripePriceId: string | undefined
}

/** What the world is told of a payment. */
export function paymentData(row: PaymentRow): PaymentData {
  return {
    payment_id: row.paymentId,
    payment_type: row.type,
    status: row.status,
    user_id: row.userId,
    amount: row.amount,
    currency: row.currency,
    ...(row.planId !== null && { plan_id: row.planId }),
    ...(row.productId !== null && { product_id: row.productId }),
    quantity: row.quantity,
    ...(row.subscriptionId !== null && { subscription_id: row.subscriptionId }),
    metadata: row.metadata,
  }
}

const isPayment = (projectId: ProjectId, paymentId: PaymentId) =>
  and(eq(payments.projectId, projectId), eq(payments.paymentId, paymentId))
