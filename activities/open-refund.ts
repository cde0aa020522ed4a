import { acceptRefund, leftToRefund } from '../db/accept-refund.ts'
import { writeAudit } from '../db/audit.ts'
import { findOwnerById } from '../db/charge-owners.ts'
import { type ChargeOwner, type ChargeRow, lockCharge } from '../db/charges.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { readPayment } from '../db/payments.ts'
import { currentRefundPolicy } from '../db/refund-policies.ts'
import { findRefund } from '../db/refunds.ts'
import { timeOfCustomer } from '../db/test-clocks.ts'
import { mayStillChange } from '../domain/checkout.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'
import { describeMoney } from '../domain/money.ts'
import type { ChargeSnapshot, RefundOpening, RefundPolicy } from '../domain/refunds.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { type Cancellation, createProrateRefund } from './prorate-refund.ts'
import { createRefundLatePayment } from './refund-late-payment.ts'

export interface OpenRefundInput {
  projectId: ProjectId
  refundId: RefundId
  opening: RefundOpening
}

/** Writes the row of a refund that nobody has asked us for. Its answer is whether there is one to follow. */
export function createOpenRefund(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const prorate = createProrateRefund(dependencies)
  const refundLatePayment = createRefundLatePayment(dependencies)

  return async function openRefund({ projectId, refundId, opening }: OpenRefundInput): Promise<boolean> {
    const isKnown = await inProject(database, projectId, (transaction) =>
      findRefund(transaction, projectId, refundId),
    )
    if (isKnown) return true
    if (opening.kind === 'cancellation') return prorate({ projectId, refundId, opening })
    if (opening.kind === 'late_payment') return refundLatePayment({ projectId, refundId, opening })
    const reading = await read(opening)
    if (!reading) return false
    const inScene = (work: (scene: Opening, owner: ChargeOwner) => Promise<boolean>) =>
      inProject(database, projectId, async (transaction) => {
        const owner = await findOwnerById(transaction, projectId, opening.ownerId, reading.stripeInvoiceId)
        if (!owner) return false
        await refuseBeforeSuccess(transaction, owner)
        const { at } = await timeOfCustomer(transaction, owner, now())
        const { policy } = await currentRefundPolicy(transaction, projectId)
        const charge = await lockCharge(transaction, owner, reading)
        return work({ transaction, refundId, charge, reading, policy, at }, owner)
      })
    switch (opening.kind) {
      case 'dashboard':
        return inScene((scene) => adopt(scene, opening))
      case 'fraud_warning':
        // Told by itself: it must stay told, whatever becomes of the refund.
        return (
          (await inScene((scene, owner) => tellOfWarning(scene, owner, opening))) &&
          inScene((scene) => answerWarning(scene))
        )
    }
  }

  async function read(
    opening: Exclude<RefundOpening, Cancellation | { kind: 'late_payment' }>,
  ): Promise<ChargeSnapshot | undefined> {
    switch (opening.kind) {
      case 'dashboard': {
        const { stripeChargeId: chargeId } = await provider.readRefund(opening.stripeRefundId)
        return provider.readCharge({ chargeId })
      }
      case 'fraud_warning':
        return provider.readCharge({ chargeId: opening.chargeId })
    }
  }
}

/** News of the refund can be faster than that of the payment's success. First the money comes in, with all that follows from it:
 *  the credits that the refund takes back, the ledger that it leaves, the subscription. Whoever told of the refund has woken the
 *  checkout.
 *  @throws BillingError `outcome_pending` until the payment has ended. */
async function refuseBeforeSuccess(
  transaction: Transaction,
  { projectId, paymentId }: ChargeOwner,
): Promise<void> {
  const payment = paymentId === null ? undefined : await readPayment(transaction, projectId, paymentId)
  // One without a page has no checkout that could still record it.
  if (!payment?.stripeCheckoutSessionId || !mayStillChange(payment.status)) return
  throw new BillingError('outcome_pending', {
    detail: `The success of payment ${payment.paymentId} has not been recorded yet. Its checkout is woken, and the refund goes on after it.`,
    retryAfterSeconds: 2,
  })
}

interface Opening {
  transaction: Transaction
  refundId: RefundId
  charge: ChargeRow
  reading: ChargeSnapshot
  policy: RefundPolicy
  at: Date
}

/** @returns false where it turns out to be one of ours whose answer was lost: its own workflow finds it. */
async function adopt(
  { transaction, refundId, charge, reading, policy }: Opening,
  { stripeRefundId }: Extract<RefundOpening, { kind: 'dashboard' }>,
): Promise<boolean> {
  const made = reading.refunds.find((one) => one.stripeRefundId === stripeRefundId)
  if (!made) throw new Error(`refund ${stripeRefundId} is not among those of its charge`)
  const { projectId } = charge
  const ours = made.refundId && (await findRefund(transaction, projectId, made.refundId))
  if (ours && ours.status !== 'failed') return false
  await acceptRefund(transaction, charge, reading, {
    refundId,
    amount: made.amount.amountMinor,
    reason: undefined,
    origin: 'dashboard',
    terms: (amount, left) => ({
      status: 'pending',
      subscriptionAction: amount >= left ? policy.subscription : 'keep',
    }),
    requestedBy: 'stripe',
    takesCredits: policy.credits === 'take_back',
    at: new Date(made.createdAt),
    why: "Somebody made it in Stripe's dashboard.",
    stripeRefundId,
  })
  return true
}

/** How much goes back after a warning: all that is left, where the policy says so and no dispute has begun. */
async function leftAfterWarning({ transaction, charge, reading, policy }: Opening): Promise<number> {
  if (policy.onFraudWarning !== 'refund' || reading.isDisputed) return 0
  const takesCredits = policy.credits === 'take_back'
  const { left } = await leftToRefund(transaction, charge, reading, { takesCredits })
  return left
}

/** @returns whether the money is to go back. */
async function tellOfWarning(
  scene: Opening,
  { projectId, userId, correlationId, paymentId, subscriptionId }: ChargeOwner,
  { warningId, fraudType }: Extract<RefundOpening, { kind: 'fraud_warning' }>,
): Promise<boolean> {
  const { transaction, refundId, charge, reading, at } = scene
  const gives = (await leftAfterWarning(scene)) > 0
  const intent = `${warningId}/told`
  await once(transaction, { projectId, intent }, async () => {
    await writeAudit(transaction, {
      projectId,
      actor: 'stripe',
      action: 'charge.fraud_warning',
      subjectId: paymentId ?? subscriptionId ?? charge.stripeChargeId,
      why: `The customer's bank suspects fraud (${fraudType}) in a charge of ${describeMoney(reading.captured)}.`,
      correlationId,
      stripeIds: [warningId, charge.stripeChargeId],
      amount: charge.amount,
      currency: charge.currency,
      occurredAt: at,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, [
      {
        type: 'alert.fraud_warning',
        subject: charge.stripeChargeId,
        data: {
          user_id: userId,
          stripe_charge_id: charge.stripeChargeId,
          fraud_type: fraudType,
          amount: charge.amount,
          currency: charge.currency,
          ...(paymentId !== null && { payment_id: paymentId }),
          ...(subscriptionId !== null && { subscription_id: subscriptionId }),
          ...(gives && { refund_id: refundId }),
        },
      },
    ])
  })
  return gives
}

async function answerWarning(scene: Opening): Promise<boolean> {
  const { transaction, refundId, charge, reading, policy, at } = scene
  // Somebody may have been faster since it was told.
  if ((await leftAfterWarning(scene)) === 0) return false
  await acceptRefund(transaction, charge, reading, {
    refundId,
    amount: undefined,
    reason: undefined,
    origin: 'fraud_warning',
    terms: () => ({ status: 'pending', subscriptionAction: policy.subscription }),
    requestedBy: 'quittance',
    takesCredits: policy.credits === 'take_back',
    at,
    why: "The customer's bank suspects fraud, and the policy gives such money back before a dispute begins.",
  })
  return true
}
