import type { z } from '@hono/zod-openapi'
import { acceptRefund } from '../db/accept-refund.ts'
import { findOwnerOfInvoice, ownerOfPayment } from '../db/charge-owners.ts'
import { type ChargeOwner, lockCharge } from '../db/charges.ts'
import { inProject } from '../db/client.ts'
import { findPayment } from '../db/payments.ts'
import { findProject } from '../db/projects.ts'
import { currentRefundPolicy } from '../db/refund-policies.ts'
import { listRefundsOfCharge, type RefundRow } from '../db/refunds.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'
import { currency, describeMoney, money } from '../domain/money.ts'
import { amountLeft, type ChargeSnapshot, needsApproval } from '../domain/refunds.ts'
import type { ApiDependencies } from './dependencies.ts'
import { amountFlaw } from './schemas/fields.ts'
import type { refundInput } from './schemas/refunds.ts'

export type RefundInput = z.infer<typeof refundInput>

/** A charge that somebody wants back: whose it is, and what Stripe says of it now. */
export interface Refundable {
  owner: ChargeOwner
  reading: ChargeSnapshot
}

/** The charge behind the payment or the invoice that a request names.
 *  @throws BillingError `not_found`, `nothing_to_refund`. */
export async function findRefundable(
  { application, provider, livemode }: ApiDependencies,
  projectId: ProjectId,
  { payment_id, invoice_id }: RefundInput,
): Promise<Refundable> {
  const { owner, paymentIntentId } = await inProject(application, projectId, async (transaction) => {
    if (payment_id === undefined)
      return {
        owner: await findOwnerOfInvoice(transaction, projectId, invoice_id ?? ''),
        paymentIntentId: undefined,
      }
    const payment = await findPayment(transaction, projectId, payment_id)
    return {
      owner: payment && ownerOfPayment(payment),
      paymentIntentId: payment?.stripePaymentIntentId ?? undefined,
    }
  })
  if (owner?.livemode !== livemode) throw new BillingError('not_found')
  const reading = await readCharge(provider, owner, paymentIntentId)
  if (!reading) throw new BillingError('nothing_to_refund', { detail: 'Nothing was collected for it.' })
  return { owner, reading }
}

async function readCharge(
  provider: ApiDependencies['provider'],
  { invoiceId }: ChargeOwner,
  paymentIntentId: string | undefined,
): Promise<ChargeSnapshot | undefined> {
  if (paymentIntentId !== undefined) return provider.readCharge({ paymentIntentId })
  return invoiceId === null ? undefined : provider.readCharge({ invoiceId })
}

/** Accepts what was asked for over the API, by the project's policy.
 *  @throws BillingError with why it cannot be refunded, or not that much. */
export async function requestRefund(
  { application }: ApiDependencies,
  { owner, reading }: Refundable,
  asked: { input: RefundInput; refundId: RefundId; requestedBy: string; correlationId: string },
): Promise<RefundRow> {
  const { input, refundId, requestedBy, correlationId } = asked
  if (reading.isDisputed) throw new BillingError('payment_disputed')
  const { currency: code } = reading.captured
  const flaw = input.amount === undefined ? undefined : amountFlaw(input.amount, code)
  if (flaw)
    throw new BillingError('invalid_request', { fields: [{ path: 'amount', message: `amount ${flaw}` }] })
  return inProject(application, owner.projectId, async (transaction) => {
    const charge = await lockCharge(transaction, owner, reading)
    const { policy } = await currentRefundPolicy(transaction, owner.projectId)
    const project = await findProject(transaction, owner.projectId)
    const { at } = await timeOfCustomer(transaction, owner, new Date())
    return acceptRefund(transaction, charge, reading, {
      refundId,
      amount: input.amount,
      reason: input.reason,
      origin: 'request',
      terms: (amount, left, inAll) => ({
        status: needsApproval(policy, money(inAll, code), project?.currency ?? '')
          ? 'awaiting_approval'
          : 'pending',
        subscriptionAction: input.subscription ?? (amount === left ? policy.subscription : 'keep'),
      }),
      requestedBy,
      correlationId,
      takesCredits: policy.credits === 'take_back',
      at,
      why: 'A refund was asked for over the API.',
    })
  })
}

/** Why a refund that we had accepted was not made, as Stripe's charge tells it now. */
export async function refusalOfRefund(
  { application, provider }: ApiDependencies,
  row: RefundRow,
): Promise<BillingError> {
  const reading = await provider.readCharge({ chargeId: row.stripeChargeId })
  if (!reading || reading.isDisputed) return new BillingError('payment_disputed')
  const left = await inProject(application, row.projectId, async (transaction) =>
    amountLeft(reading.captured.amountMinor, {
      ours: await listRefundsOfCharge(transaction, row),
      atStripe: reading.refunds,
    }),
  )
  const facts = { amount_left: left, currency: row.currency, refund_id: row.refundId }
  if (left >= row.amount)
    return new BillingError('refund_refused', { facts: { ...facts, provider_code: row.failureCode ?? '' } })
  return left === 0
    ? new BillingError('nothing_to_refund', { facts })
    : new BillingError('refund_exceeds_remaining', {
        detail: `Only ${describeMoney(money(left, currency(row.currency)))} of it is left to refund.`,
        facts,
      })
}
