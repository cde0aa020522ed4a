import { acceptRefund } from '../db/accept-refund.ts'
import { findOwnerById } from '../db/charge-owners.ts'
import { lockCharge } from '../db/charges.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { hasHappened } from '../db/once.ts'
import { findRefund, listRefundsOfCharge } from '../db/refunds.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { findSubscription, subscriptionData, type SubscriptionWithPlan } from '../db/subscriptions.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId, RefundId } from '../domain/ids.ts'
import { describeMoney } from '../domain/money.ts'
import { amountLeft, type ChargeSnapshot, type RefundOpening } from '../domain/refunds.ts'
import { type InvoiceSnapshot, isPaidAfterEnd } from '../domain/subscription.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { enterPaidInvoice, isEntered } from './paid-invoice.ts'
import { openScene, type Scene, tell } from './scene.ts'

interface LatePayment {
  projectId: ProjectId
  refundId: RefundId
  opening: Extract<RefundOpening, { kind: 'late_payment' }>
}

/** Enters the money of an invoice that was paid when its subscription had ended, and begins to give it back: both in one
 *  transaction, once, whoever came upon the payment. What a look has entered was owed then, and stays.
 *  @returns whether there is a refund to follow.
 *  @throws BillingError `nothing_to_refund` where the money came in past Stripe's charges: a person must give it back. */
export function createRefundLatePayment({ database, provider, now }: ActivityDependencies) {
  return async function refundLatePayment({ projectId, refundId, opening }: LatePayment): Promise<boolean> {
    const { ownerId: subscriptionId, invoiceId } = opening
    const invoice = await provider.readInvoice(invoiceId)
    if (invoice.status !== 'paid' || invoice.amountPaid.amountMinor === 0) return false
    // The first one is entered by its checkout, under an intent of its own.
    if (invoice.billingReason === 'subscription_create') return false
    const charge = await provider.readCharge({ invoiceId })
    const isOwedBack = await inProject(database, projectId, async (transaction) => {
      const found = await findSubscription(transaction, projectId, subscriptionId)
      if (found?.subscription.status !== 'canceled') return false
      const scene = await sceneOf(transaction, found, now())
      // Somebody else may have begun it while this waited for its turn.
      if (await findRefund(transaction, projectId, refundId)) return true
      if (!(await enter(scene, found, invoice))) return false
      return charge ? giveBack(scene, { refundId, invoiceId, charge }) : true
    })
    if (isOwedBack && !charge)
      throw new BillingError('nothing_to_refund', {
        detail: `${describeMoney(invoice.amountPaid)} was paid on ${invoiceId} when its subscription had ended, and Stripe knows no charge for it: give it back by hand.`,
      })
    return isOwedBack
  }
}

function sceneOf(
  transaction: Transaction,
  { subscription }: SubscriptionWithPlan,
  now: Date,
): Promise<Scene> {
  const { projectId, subscriptionId, paymentId, stripeSubscriptionId } = subscription
  const subject = { projectId, subscriptionId, paymentId, stripeSubscriptionId }
  return openScene(transaction, { subject, cause: { by: 'stripe' }, now })
}

/** @returns whether it is owed back. */
async function enter(scene: Scene, found: SubscriptionWithPlan, invoice: InvoiceSnapshot): Promise<boolean> {
  const { transaction, payment, subject, at } = scene
  const { projectId, subscriptionId } = subject
  const { invoiceId, amountPaid, paidAt, stripePaymentIntentId } = invoice
  const intent = `${subscriptionId}/paid-late/${invoiceId}`
  if ((await isEntered(scene, invoice)) && !(await hasHappened(transaction, { projectId, intent })))
    return false
  const occurredAt = paidAt === undefined ? at : new Date(paidAt)
  await tell(
    scene,
    {
      intent,
      action: 'subscription.paid_late',
      why: 'An invoice was paid after the subscription had ended.',
      occurredAt,
      stripeIds: [invoiceId],
      amount: amountPaid,
      events: [{ type: 'subscription.updated', subject: subscriptionId, data: subscriptionData(found) }],
    },
    async () => {
      await enterPaidInvoice(scene, invoice, occurredAt)
      const owner = { projectId, ownerId: subscriptionId, livemode: payment.livemode }
      await ownStripeObjects(transaction, owner, [invoiceId, stripePaymentIntentId])
    },
  )
  // Within the second of the end, what no look has entered came after it.
  const endedAt = found.subscription.endedAt?.getTime()
  return isPaidAfterEnd(invoice, endedAt === undefined ? undefined : endedAt - 1)
}

async function giveBack(
  { transaction, subject, at }: Scene,
  { refundId, invoiceId, charge: reading }: { refundId: RefundId; invoiceId: string; charge: ChargeSnapshot },
): Promise<boolean> {
  const { projectId, subscriptionId } = subject
  const owner = await findOwnerById(transaction, projectId, subscriptionId, invoiceId)
  // What a bank takes back is not given back as well.
  if (!owner || reading.isDisputed) return false
  const charge = await lockCharge(transaction, owner, reading)
  const ours = await listRefundsOfCharge(transaction, charge)
  // Somebody may have given it back in the dashboard.
  if (amountLeft(charge.amount, { ours, atStripe: reading.refunds }) === 0) return false
  await acceptRefund(transaction, charge, reading, {
    refundId,
    amount: undefined,
    reason: undefined,
    origin: 'late_payment',
    terms: () => ({ status: 'pending', subscriptionAction: 'keep' }),
    requestedBy: 'quittance',
    takesCredits: false,
    at,
    why: 'It was paid after the subscription had ended, when nothing was owed any more.',
  })
  return true
}
