import { writeAudit } from '../db/audit.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { readCustomer } from '../db/customers.ts'
import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import {
  lockPayment,
  paymentData,
  type PaymentRow,
  readPurchase,
  savePaymentAttempts,
  updatePayment,
} from '../db/payments.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { addPurchase } from '../db/wallet-movements.ts'
import { type HeldWallet, holdWallet } from '../db/wallets.ts'
import {
  type CheckoutOutcome,
  type CheckoutSnapshot,
  nextPaymentStatus,
  outcomeOf,
  type PaymentStatus,
} from '../domain/checkout.ts'
import type { EventDraft } from '../domain/events.ts'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import { paymentTransfers } from '../domain/ledger.ts'
import { type Money, money } from '../domain/money.ts'
import type { ActivityDependencies } from './dependencies.ts'

export interface RecordCheckoutInput {
  projectId: ProjectId
  paymentId: PaymentId
  snapshot: CheckoutSnapshot
}

const reasons: Record<CheckoutOutcome, string> = {
  payment_succeeded: 'Stripe says the payment page was completed and the money is there.',
  payment_failed: 'The payment page ended with every attempt declined.',
  session_expired: 'The payment page ended without an attempt to pay.',
}

/** Writes what a look at Stripe showed: attempts always, and a change of status with its ledger entry, audit and events, in
 *  one transaction. The row decides under its lock, so any number of looks, in any order, write one outcome. */
export function createRecordCheckout({ database, now }: ActivityDependencies) {
  return function recordCheckout({
    projectId,
    paymentId,
    snapshot,
  }: RecordCheckoutInput): Promise<PaymentStatus> {
    return inProject(database, projectId, async (transaction) => {
      const payment = await lockPayment(transaction, projectId, paymentId)
      await savePaymentAttempts(transaction, payment, snapshot.attempts)
      await ownStripeObjects(transaction, { projectId, ownerId: paymentId, livemode: payment.livemode }, [
        snapshot.stripePaymentIntentId,
        ...snapshot.attempts.map((attempt) => attempt.stripeChargeId),
      ])
      const outcome = outcomeOf(snapshot)
      const status = outcome ? nextPaymentStatus(payment.status, outcome) : payment.status
      if (outcome && status !== payment.status)
        await recordOutcome(transaction, {
          payment,
          snapshot,
          outcome,
          status,
          at: now(),
          why: reasons[outcome],
        })
      return status
    })
  }
}

/** Writes that the provider refused to open a payment page at all. */
export function createRecordRefusal({ database, now }: ActivityDependencies) {
  return function recordRefusal(input: {
    projectId: ProjectId
    paymentId: PaymentId
    code: string
  }): Promise<PaymentStatus> {
    const { projectId, paymentId, code } = input
    return inProject(database, projectId, async (transaction) => {
      const payment = await lockPayment(transaction, projectId, paymentId)
      const status = nextPaymentStatus(payment.status, 'payment_failed')
      if (status === payment.status) return status
      await once(transaction, { projectId, intent: `${paymentId}/refused` }, async () => {
        const failed = await updatePayment(transaction, payment, { status, failureCode: code })
        await tell(transaction, {
          payment: failed,
          before: payment.status,
          action: 'payment.refused',
          why: 'Stripe refused to open a payment page.',
          intent: `${paymentId}/refused`,
          stripeIds: [],
          at: now(),
          event: {
            type: 'payment.failed',
            subject: paymentId,
            data: { ...paymentData(failed), failure_code: code },
          },
        })
      })
      return status
    })
  }
}

interface Recording {
  payment: PaymentRow
  snapshot: CheckoutSnapshot
  outcome: CheckoutOutcome
  status: PaymentStatus
  at: Date
  why: string
  /** Whether a wallet paid by itself, with no page. */
  isTopUp?: boolean
}

/** Writes how a payment has come out, with all that follows from it, once. */
export async function recordOutcome(
  transaction: Transaction,
  { payment, snapshot, outcome, status, at, why, isTopUp = false }: Recording,
): Promise<void> {
  const { projectId, paymentId } = payment
  const intent = `${paymentId}/${status}`
  await once(transaction, { projectId, intent }, async () => {
    // Before the first event: consuming takes the wallet's lock first and the outbox's second.
    const wallet =
      status === 'succeeded' && payment.type === 'credits'
        ? await holdWallet(transaction, await readCustomer(transaction, projectId, payment.customerId))
        : undefined
    const paid = snapshot.attempts.filter((attempt) => attempt.outcome === 'succeeded')
    const received = status === 'succeeded' ? snapshot.total.amountMinor : 0
    const failureCode =
      snapshot.attempts.findLast((attempt) => attempt.outcome === 'failed')?.declineCode ?? null
    const updated = await updatePayment(transaction, payment, {
      status,
      amountReceived: received,
      failureCode: status === 'succeeded' ? null : failureCode,
      stripePaymentIntentId: snapshot.stripePaymentIntentId ?? null,
      stripeInvoiceId: snapshot.stripeInvoiceId ?? null,
    })
    if (status === 'succeeded') {
      const { projectId: project, userId, livemode } = payment
      await enterLedger(transaction, {
        projectId: project,
        userId,
        intent,
        paymentId,
        ...(snapshot.stripeInvoiceId && { invoiceId: snapshot.stripeInvoiceId }),
        occurredAt: new Date(paid.at(-1)?.attemptedAt ?? at),
        transfers: paymentTransfers(payment.type, snapshot.total, snapshot.tax),
      })
      // What comes after the payment (renewals, cancellation) belongs to the subscription.
      if (payment.subscriptionId !== null)
        await ownStripeObjects(
          transaction,
          { projectId: project, ownerId: payment.subscriptionId, livemode },
          [snapshot.stripeSubscriptionId, snapshot.stripeInvoiceId],
        )
    }
    await tell(transaction, {
      payment: updated,
      before: payment.status,
      action: `payment.${status}`,
      why,
      intent,
      stripeIds: [
        payment.stripeCheckoutSessionId,
        snapshot.stripePaymentIntentId,
        snapshot.stripeInvoiceId,
      ].filter((id): id is string => Boolean(id)),
      at,
      event: outcomeEvent(updated, outcome),
    })
    if (wallet) {
      const { total, tax = 0 } = snapshot
      // Tax is the state's: what is owed in credits is the rest, and no more can be earned with them.
      const owed = money(total.amountMinor - tax, total.currency)
      await addCredits(wallet, { payment: updated, received: owed, isTopUp })
    }
  })
}

/** The credits of a pack, as many as were bought of it. */
async function addCredits(
  wallet: HeldWallet,
  { payment, received, isTopUp }: { payment: PaymentRow; received: Money; isTopUp: boolean },
): Promise<void> {
  const { paymentId, productId, quantity, correlationId } = payment
  const { purchase } = await readPurchase(wallet.transaction, payment)
  if (purchase.kind !== 'product' || purchase.product.creditsMicroUsd === undefined)
    throw new Error(`payment ${paymentId} bought no credits`)
  await addPurchase(wallet, {
    paymentId,
    productId: productId ?? undefined,
    credits: purchase.product.creditsMicroUsd * quantity,
    received,
    isTopUp,
    actor: 'stripe',
    correlationId,
  })
}

function outcomeEvent(payment: PaymentRow, outcome: CheckoutOutcome): EventDraft {
  const subject = payment.paymentId
  const data = paymentData(payment)
  switch (outcome) {
    case 'payment_succeeded':
      return {
        type: 'payment.succeeded',
        subject,
        data: {
          ...data,
          amount_received: payment.amountReceived,
          ...(payment.stripeInvoiceId !== null && { invoice_id: payment.stripeInvoiceId }),
        },
      }
    case 'payment_failed':
      return {
        type: 'payment.failed',
        subject,
        data: { ...data, ...(payment.failureCode !== null && { failure_code: payment.failureCode }) },
      }
    case 'session_expired':
      return { type: 'payment.expired', subject, data }
  }
}

interface Telling {
  payment: PaymentRow
  before: PaymentStatus
  action: string
  why: string
  intent: string
  stripeIds: string[]
  at: Date
  event: EventDraft
}

async function tell(
  transaction: Transaction,
  { payment, before, action, why, intent, stripeIds, at, event }: Telling,
): Promise<void> {
  const { projectId, userId, correlationId, paymentId } = payment
  await writeAudit(transaction, {
    projectId,
    actor: 'stripe',
    action,
    subjectId: paymentId,
    why,
    correlationId,
    stripeIds,
    before: { status: before },
    after: { status: payment.status, amount_received: payment.amountReceived },
    occurredAt: at,
  })
  await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, [event])
}
