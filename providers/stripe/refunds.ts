import { Stripe } from 'stripe'
import { type DisputeSnapshot, disputeStatuses } from '../../domain/disputes.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { metadataKeys, type PaymentProvider } from '../../domain/provider.ts'
import type { ChargeSnapshot, RefundSnapshot } from '../../domain/refunds.ts'
import { idOf, oneOf, taxOf } from './snapshots.ts'

/** Money that goes back: what was captured, refunds of it, credit notes, disputes. */
export function refunds(
  stripe: Stripe,
): Pick<
  PaymentProvider,
  | 'readCharge'
  | 'createRefund'
  | 'findRefund'
  | 'readRefund'
  | 'createCreditNote'
  | 'findCreditNote'
  | 'readDispute'
> {
  return {
    async readCharge(request) {
      const charge = await findCharge(stripe, request)
      if (!charge?.captured || charge.amount_captured === 0) return undefined
      const [made, invoice] = await Promise.all([
        allOf(stripe.refunds.list({ charge: charge.id, limit: 100 })),
        invoiceOf(stripe, charge),
      ])
      return toChargeSnapshot(charge, made, invoice)
    },

    async createRefund({ projectId, refundId, chargeId, amount }, effectKey) {
      try {
        const made = await stripe.refunds.create(
          {
            charge: chargeId,
            amount,
            metadata: { [metadataKeys.project]: projectId, [metadataKeys.refund]: refundId },
          },
          { idempotencyKey: effectKey },
        )
        return toRefundSnapshot(made)
      } catch (error) {
        throw refusalOf(error)
      }
    },

    async findRefund({ refundId, chargeId }) {
      const made = await allOf(stripe.refunds.list({ charge: chargeId, limit: 100 }))
      const found = made.find(({ metadata }) => metadata?.[metadataKeys.refund] === refundId)
      return found && toRefundSnapshot(found)
    },

    async readRefund(stripeRefundId) {
      return toRefundSnapshot(await stripe.refunds.retrieve(stripeRefundId))
    },

    async createCreditNote({ refundId, invoiceId, stripeRefundId, amount }, effectKey) {
      const note = await stripe.creditNotes.create(
        {
          invoice: invoiceId,
          amount,
          refunds: [{ refund: stripeRefundId, amount_refunded: amount }],
          metadata: { [metadataKeys.refund]: refundId },
        },
        { idempotencyKey: effectKey },
      )
      return note.id
    },

    async findCreditNote({ refundId, invoiceId }) {
      const notes = await allOf(stripe.creditNotes.list({ invoice: invoiceId, limit: 100 }))
      return notes.find(({ metadata }) => metadata?.[metadataKeys.refund] === refundId)?.id
    },

    async readDispute(stripeDisputeId) {
      return toDisputeSnapshot(await stripe.disputes.retrieve(stripeDisputeId))
    },
  }
}

/** The most that Stripe's library collects. */
const AT_MOST = 10_000

/** All pages of a list: what stands on a later one must not be taken for what was never made. */
async function allOf<Item extends { id: string }>(list: Stripe.ApiListPromise<Item>): Promise<Item[]> {
  const items = await list.autoPagingToArray({ limit: AT_MOST })
  if (items.length === AT_MOST)
    throw new BillingError('provider_refused', { detail: `Stripe's list has more than ${AT_MOST} entries.` })
  return items
}

async function findCharge(
  stripe: Stripe,
  request: { paymentIntentId: string } | { invoiceId: string } | { chargeId: string },
): Promise<Stripe.Charge | undefined> {
  if ('chargeId' in request) return stripe.charges.retrieve(request.chargeId)
  const paymentIntentId =
    'paymentIntentId' in request ? request.paymentIntentId : await intentOf(stripe, request.invoiceId)
  if (paymentIntentId === undefined) return undefined
  const { latest_charge: charge } = await stripe.paymentIntents.retrieve(paymentIntentId, {
    expand: ['latest_charge'],
  })
  return typeof charge === 'object' && charge !== null ? charge : undefined
}

/** The payment that paid an invoice: of several tries it is the one that is paid. */
async function intentOf(stripe: Stripe, invoiceId: string): Promise<string | undefined> {
  const { data } = await stripe.invoicePayments.list({ invoice: invoiceId, status: 'paid', limit: 10 })
  return data.map(({ payment }) => idOf(payment.payment_intent)).find((id) => id !== undefined)
}

/** A charge does not name its invoice; the way back leads over the payment. One that paid for none has no tax that we know. */
async function invoiceOf(stripe: Stripe, charge: Stripe.Charge): Promise<Stripe.Invoice | undefined> {
  const payment_intent = idOf(charge.payment_intent)
  if (payment_intent === undefined) return undefined
  const { data } = await stripe.invoicePayments.list({
    payment: { type: 'payment_intent', payment_intent },
    expand: ['data.invoice'],
    limit: 1,
  })
  const invoice = data[0]?.invoice
  return typeof invoice === 'object' && !('deleted' in invoice) ? invoice : undefined
}

function toChargeSnapshot(
  charge: Stripe.Charge,
  made: Stripe.Refund[],
  invoice: Stripe.Invoice | undefined,
): ChargeSnapshot {
  const stripePaymentIntentId = idOf(charge.payment_intent)
  return {
    stripeChargeId: charge.id,
    ...(stripePaymentIntentId && { stripePaymentIntentId }),
    ...(invoice?.id && { stripeInvoiceId: invoice.id }),
    captured: money(charge.amount_captured, currency(charge.currency)),
    tax: invoice ? taxOf(invoice) : 0,
    capturedAt: charge.created * 1000,
    isDisputed: charge.disputed,
    refunds: made.map(toRefundSnapshot),
  }
}

function toRefundSnapshot(refund: Stripe.Refund): RefundSnapshot {
  const refundId = refund.metadata?.[metadataKeys.refund]
  return {
    stripeRefundId: refund.id,
    stripeChargeId: idOf(refund.charge) ?? '',
    // What waits for the customer (some bank transfers do) is on its way as well.
    status:
      refund.status === 'requires_action'
        ? 'pending'
        : oneOf(['pending', 'succeeded', 'failed', 'canceled'], refund.status ?? 'pending'),
    amount: money(refund.amount, currency(refund.currency)),
    ...(refund.failure_reason && { failureReason: refund.failure_reason }),
    ...(refundId !== undefined && isId('rfd', refundId) && { refundId }),
    createdAt: refund.created * 1000,
  }
}

function toDisputeSnapshot(dispute: Stripe.Dispute): DisputeSnapshot {
  const { due_by: dueBy } = dispute.evidence_details
  const balance = dispute.balance_transactions.reduce((sum, { amount }) => sum + amount, 0)
  return {
    stripeDisputeId: dispute.id,
    stripeChargeId: idOf(dispute.charge) ?? '',
    status: oneOf(disputeStatuses, dispute.status),
    reason: dispute.reason,
    amount: money(dispute.amount, currency(dispute.currency)),
    openedAt: dispute.created * 1000,
    ...(dueBy !== null && { evidenceDueAt: dueBy * 1000 }),
    isWithdrawn: balance < 0,
  }
}

/** Stripe's final answers to a refund: https://docs.stripe.com/error-codes. All others are waited out as ever. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError) || error.statusCode !== 400) return error
  if (error.code === 'charge_disputed') return new BillingError('payment_disputed', { cause: error })
  return new BillingError('refund_refused', {
    facts: { provider_code: error.code ?? error.param ?? 'refused' },
    cause: error,
  })
}
