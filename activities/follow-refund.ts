import { writeAudit } from '../db/audit.ts'
import { inProject } from '../db/client.ts'
import { once } from '../db/once.ts'
import { readRefund, type RefundRow, updateRefund } from '../db/refunds.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'
import type { RefundSnapshot, RefundStatus } from '../domain/refunds.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { type NotMade, recordRefund } from './record-refund.ts'
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
      recordRefund(transaction, row, seen, { cause, now: now() }),
    )
    if (followed.status === 'succeeded') await noteOnInvoice(followed)
    return view(followed)
  }

  async function seeOrMake(row: RefundRow): Promise<RefundSnapshot | NotMade> {
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
      return (await provider.findRefund({ refundId, chargeId })) ?? { failureCode: codeOf(error) }
    }
  }

  /** The invoice says so, too. Where Stripe refuses the note, the money has gone back all the same. Should the bank return it
   *  later, the note stays: Stripe makes void only what takes something off an open invoice. */
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

const codeOf = ({ code, facts }: BillingError) => String(facts.provider_code ?? code)
