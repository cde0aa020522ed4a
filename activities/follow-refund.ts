import { returnCredits } from '../db/accept-refund.ts'
import { writeAudit } from '../db/audit.ts'
import { type ChargeRow, readCharge } from '../db/charges.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { lockPayment, paymentData, updatePayment } from '../db/payments.ts'
import {
  listRefundsOfCharge,
  lockRefund,
  readRefund,
  refundData,
  type RefundRow,
  updateRefund,
} from '../db/refunds.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { mayStillChange } from '../domain/checkout.ts'
import { BillingError } from '../domain/errors.ts'
import type { EventDraft } from '../domain/events.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'
import {
  nextRefundStatus,
  type RefundSnapshot,
  type RefundStatus,
  refundTransfers,
  reversed,
} from '../domain/refunds.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { runningSubscription } from './running-subscription.ts'
import type { Cause, Subject } from './scene.ts'

export interface FollowRefundInput {
  projectId: ProjectId
  refundId: RefundId
  cause: Cause
}

/** A refund as its workflow must know it. */
export interface RefundView {
  status: RefundStatus
  amount: number
  currency: string
  failureCode?: string
  requestedBy: string
  /** Milliseconds since 1970, by the customer's clock. */
  requestedAt: number
  /** The subscription that ends with it. */
  cancels?: Subject
  /** The time of the customer's test clock. */
  clockNow?: number
}

/** Makes a refund at Stripe if that is not done, looks how it stands, and makes the rows follow: refund, payment, ledger, audit
 *  and events in one transaction. Run again, it does and writes nothing twice. */
export function createFollowRefund(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies

  return async function followRefund({ projectId, refundId, cause }: FollowRefundInput): Promise<RefundView> {
    const row = await inProject(database, projectId, (transaction) =>
      readRefund(transaction, projectId, refundId),
    )
    const isAtStripe = row.stripeRefundId !== null
    if (row.status === 'awaiting_approval' || (row.status === 'failed' && !isAtStripe)) return view(row)
    const seen = await seeOrMake(row)
    const followed = await inProject(database, projectId, (transaction) =>
      record(transaction, { projectId, refundId }, seen, cause),
    )
    if (followed.status === 'succeeded') await noteOnInvoice(followed)
    return view(followed)
  }

  async function seeOrMake(row: RefundRow): Promise<RefundSnapshot | BillingError> {
    const { projectId, refundId, stripeChargeId: chargeId, amount } = row
    if (row.stripeRefundId !== null) return provider.readRefund(row.stripeRefundId)
    try {
      return await runEffect({
        database,
        effect: { projectId, intent: `${refundId}/refund` },
        now: now(),
        lookUp: () => provider.findRefund({ refundId, chargeId }),
        call: (effectKey) => provider.createRefund({ projectId, refundId, chargeId, amount }, effectKey),
      })
    } catch (error) {
      if (!(error instanceof BillingError) || error.retryable) throw error
      // A refusal ends it, unless an earlier try whose answer was lost has done what cannot be done twice.
      return (await provider.findRefund({ refundId, chargeId })) ?? error
    }
  }

  async function record(
    transaction: Transaction,
    { projectId, refundId }: Pick<RefundRow, 'projectId' | 'refundId'>,
    seen: RefundSnapshot | BillingError,
    cause: Cause,
  ): Promise<RefundRow> {
    const found = await lockRefund(transaction, projectId, refundId)
    const { at } = await timeOfCustomer(transaction, found, now())
    const charge = await readCharge(transaction, projectId, found.stripeChargeId)
    const recording = { transaction, charge, cause, at }
    if (seen instanceof BillingError)
      return found.status === 'pending' ? fail(recording, found, codeOf(seen)) : found
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

  /** The invoice says so, too. Where Stripe refuses the note, the money has gone back all the same. */
  async function noteOnInvoice(row: RefundRow): Promise<void> {
    const { projectId, refundId, invoiceId, stripeRefundId, amount } = row
    if (invoiceId === null || stripeRefundId === null || row.stripeCreditNoteId !== null) return
    const request = { refundId, invoiceId, stripeRefundId, amount }
    let noteId: string | undefined
    let refusal: string | undefined
    try {
      noteId = await runEffect({
        database,
        effect: { projectId, intent: `${refundId}/credit-note` },
        now: now(),
        lookUp: () => provider.findCreditNote(request),
        call: (effectKey) => provider.createCreditNote(request, effectKey),
      })
    } catch (error) {
      if (!(error instanceof BillingError) || error.retryable) throw error
      refusal = error.detail
    }
    await inProject(database, projectId, async (transaction) => {
      await updateRefund(transaction, row, { stripeCreditNoteId: noteId ?? '' })
      await once(transaction, { projectId, intent: `${refundId}/credit-note` }, () =>
        writeAudit(transaction, {
          projectId,
          actor: 'quittance',
          action: noteId ? 'refund.credit_note_issued' : 'refund.credit_note_refused',
          subjectId: refundId,
          why: refusal ?? 'The invoice says that its money went back.',
          correlationId: row.correlationId,
          stripeIds: [invoiceId, noteId ?? stripeRefundId],
          occurredAt: row.requestedAt,
        }),
      )
    })
  }

  function view(row: RefundRow): Promise<RefundView> {
    return inProject(database, row.projectId, async (transaction) => {
      const { at, clockId } = await timeOfCustomer(transaction, row, now())
      const cancels =
        row.status === 'succeeded' && row.subscriptionAction === 'cancel'
          ? await runningSubscription(transaction, row)
          : undefined
      return {
        status: row.status,
        amount: row.amount,
        currency: row.currency,
        ...(row.failureCode !== null && { failureCode: row.failureCode }),
        requestedBy: row.requestedBy,
        requestedAt: row.requestedAt.getTime(),
        ...(cancels && { cancels }),
        ...(clockId !== null && { clockNow: at.getTime() }),
      }
    })
  }
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

const codeOf = ({ code, facts }: BillingError) => String(facts.provider_code ?? code)
