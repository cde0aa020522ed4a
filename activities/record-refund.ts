import { returnCredits } from '../db/accept-refund.ts'
import { writeAudit } from '../db/audit.ts'
import { type ChargeRow, readCharge } from '../db/charges.ts'
import type { Transaction } from '../db/client.ts'
import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { lockPayment, paymentData, updatePayment } from '../db/payments.ts'
import { listRefundsOfCharge, lockRefund, refundData, type RefundRow, updateRefund } from '../db/refunds.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { mayStillChange } from '../domain/checkout.ts'
import type { EventDraft } from '../domain/events.ts'
import { nextRefundStatus, type RefundSnapshot, refundTransfers, reversed } from '../domain/refunds.ts'
import type { Cause } from './scene.ts'

/** Why Stripe has not made a refund, and will not. */
export interface NotMade {
  failureCode: string
}

/** Makes the rows follow what Stripe says of a refund: refund, payment, ledger, audit and events. Done again, it writes nothing
 *  twice. */
export async function recordRefund(
  transaction: Transaction,
  { projectId, refundId }: Pick<RefundRow, 'projectId' | 'refundId'>,
  seen: RefundSnapshot | NotMade,
  { cause, now }: { cause: Cause; now: Date },
): Promise<RefundRow> {
  const found = await lockRefund(transaction, projectId, refundId)
  const { at } = await timeOfCustomer(transaction, found, now)
  const charge = await readCharge(transaction, projectId, found.stripeChargeId)
  const recording = { transaction, charge, cause, at }
  if ('failureCode' in seen) {
    const isUnmade = found.status === 'pending' && found.stripeRefundId === null
    return isUnmade ? fail(recording, found, seen.failureCode) : found
  }
  await enterMoney(recording, found, seen)
  const status = nextRefundStatus(found.status, seen.status)
  if (status === found.status)
    return found.stripeRefundId === null
      ? updateRefund(transaction, found, { stripeRefundId: seen.stripeRefundId })
      : found
  const made = { ...found, stripeRefundId: seen.stripeRefundId }
  return status === 'succeeded'
    ? succeed(recording, made)
    : fail(recording, made, seen.failureReason ?? seen.status)
}

interface Recording {
  transaction: Transaction
  charge: ChargeRow
  cause: Cause
  at: Date
}

/** What Stripe has sent on its way has left the balance, whatever the bank says later; what came back is back. */
async function enterMoney(
  { transaction, at }: Recording,
  row: RefundRow,
  { stripeRefundId, status, amount, createdAt }: RefundSnapshot,
): Promise<void> {
  const { projectId, refundId, userId, livemode, paymentId, invoiceId } = row
  const transfers = refundTransfers(amount, row)
  const paidFor = { ...(paymentId !== null && { paymentId }), ...(invoiceId !== null && { invoiceId }) }
  const made = `${refundId}/made`
  await once(transaction, { projectId, intent: made }, async () => {
    await ownStripeObjects(transaction, { projectId, ownerId: refundId, livemode }, [stripeRefundId])
    await enterLedger(transaction, {
      projectId,
      userId,
      intent: made,
      ...paidFor,
      occurredAt: new Date(createdAt),
      transfers,
    })
  })
  if (status !== 'failed' && status !== 'canceled') return
  const returned = `${refundId}/returned`
  await once(transaction, { projectId, intent: returned }, () =>
    enterLedger(transaction, {
      projectId,
      userId,
      intent: returned,
      ...paidFor,
      occurredAt: at,
      transfers: reversed(transfers),
    }),
  )
}

async function succeed(recording: Recording, found: RefundRow): Promise<RefundRow> {
  const row = await updateRefund(recording.transaction, found, {
    status: 'succeeded',
    stripeRefundId: found.stripeRefundId,
  })
  const ofPayment = await followPayment(recording, row)
  await tell(recording, row, 'Stripe has sent the money on its way.', [
    { type: 'refund.succeeded', subject: row.refundId, data: refundData(row) },
    ...ofPayment,
  ])
  return row
}

async function fail(recording: Recording, found: RefundRow, failureCode: string): Promise<RefundRow> {
  const hadSucceeded = found.status === 'succeeded'
  await returnCredits(recording.transaction, found)
  const row = await updateRefund(recording.transaction, found, {
    status: 'failed',
    stripeRefundId: found.stripeRefundId,
    failureCode,
  })
  if (hadSucceeded) await followPayment(recording, row)
  const data = refundData(row)
  const why = hadSucceeded
    ? `The bank has returned the money (${failureCode}).`
    : `Nothing went back (${failureCode}).`
  await tell(recording, row, why, [
    { type: 'refund.failed', subject: row.refundId, data },
    { type: 'alert.refund_failed', subject: row.refundId, data },
  ])
  return row
}

/** How much of its payment has gone back. */
async function followPayment({ transaction }: Recording, row: RefundRow): Promise<EventDraft[]> {
  const { projectId, refundId, paymentId } = row
  if (paymentId === null) return []
  const payment = await lockPayment(transaction, projectId, paymentId)
  // What has not come in does not go back: its success must still find it as it was.
  if (mayStillChange(payment.status)) return []
  const all = await listRefundsOfCharge(transaction, row)
  const amountRefunded = all
    .filter(({ status }) => status === 'succeeded')
    .reduce((sum, { amount }) => sum + amount, 0)
  const updated = await updatePayment(transaction, payment, {
    amountRefunded,
    status:
      amountRefunded === 0
        ? 'succeeded'
        : amountRefunded < payment.amountReceived
          ? 'partially_refunded'
          : 'refunded',
  })
  return [
    {
      type: 'payment.refunded',
      subject: paymentId,
      data: { ...paymentData(updated), amount_refunded: amountRefunded, refund_id: refundId },
    },
  ]
}

async function tell(
  { transaction, charge, cause, at }: Recording,
  row: RefundRow,
  why: string,
  events: EventDraft[],
): Promise<void> {
  const { projectId, refundId, userId, correlationId, status } = row
  const intent = `${refundId}/${status}`
  await once(transaction, { projectId, intent }, async () => {
    await writeAudit(transaction, {
      projectId,
      actor: cause.by,
      action: `refund.${status}`,
      subjectId: refundId,
      why,
      correlationId,
      stripeIds: [charge.stripeChargeId, row.stripeRefundId].filter((id) => id !== null),
      eventId: cause.eventId ?? null,
      amount: row.amount,
      currency: row.currency,
      after: { status },
      occurredAt: at,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, events)
  })
}
