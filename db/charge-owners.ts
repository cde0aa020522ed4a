import { and, eq, inArray } from 'drizzle-orm'
import { isId, type PaymentId, type ProjectId, type SubscriptionId } from '../domain/ids.ts'
import type { ChargeOwner } from './charges.ts'
import type { Transaction } from './client.ts'
import { findPayment, type PaymentRow, readPayment } from './payments.ts'
import { stripeObjects, subscriptions } from './schema/index.ts'
import type { OwnerId } from './stripe-objects.ts'

/** Whose money a charge was, found by what it paid for. */

export function ownerOfPayment(payment: PaymentRow): ChargeOwner {
  const { projectId, customerId, userId, livemode, type, paymentId, subscriptionId, correlationId } = payment
  const invoiceId = payment.stripeInvoiceId
  return {
    projectId,
    customerId,
    userId,
    livemode,
    type,
    paymentId,
    subscriptionId,
    invoiceId,
    correlationId,
  }
}

/** The owner of an invoice of ours; `undefined` for one that we have never seen paid. */
export async function findOwnerOfInvoice(
  transaction: Transaction,
  projectId: ProjectId,
  invoiceId: string,
): Promise<ChargeOwner | undefined> {
  return findOwnerOfObjects(transaction, projectId, [invoiceId], invoiceId)
}

/** The owner of the first of these objects of Stripe's that is known. The invoice tells the periods of a subscription apart. */
export async function findOwnerOfObjects(
  transaction: Transaction,
  projectId: ProjectId,
  stripeIds: string[],
  invoiceId: string | undefined,
): Promise<ChargeOwner | undefined> {
  const rows = await transaction
    .select()
    .from(stripeObjects)
    .where(and(eq(stripeObjects.projectId, projectId), inArray(stripeObjects.stripeId, stripeIds)))
  const ownerId = stripeIds
    .map((id) => rows.find(({ stripeId }) => stripeId === id)?.ownerId)
    .find((id) => id !== undefined)
  return ownerId && findOwnerById(transaction, projectId, ownerId, invoiceId)
}

export async function findOwnerById(
  transaction: Transaction,
  projectId: ProjectId,
  ownerId: OwnerId,
  invoiceId: string | undefined,
): Promise<ChargeOwner | undefined> {
  if (isId('pay', ownerId)) {
    const payment = await findPayment(transaction, projectId, ownerId)
    return payment && ownerOfPayment(payment)
  }
  if (!isId('sbs', ownerId)) return undefined
  const paymentId = await paymentOf(transaction, projectId, ownerId)
  if (!paymentId) return undefined
  const owner = ownerOfPayment(await readPayment(transaction, projectId, paymentId))
  // The first invoice is the checkout's; those of later periods are no payment of ours.
  if (invoiceId === undefined || invoiceId === owner.invoiceId) return owner
  return { ...owner, paymentId: null, invoiceId }
}

async function paymentOf(
  transaction: Transaction,
  projectId: ProjectId,
  subscriptionId: SubscriptionId,
): Promise<PaymentId | undefined> {
  const [row] = await transaction
    .select({ paymentId: subscriptions.paymentId })
    .from(subscriptions)
    .where(and(eq(subscriptions.projectId, projectId), eq(subscriptions.subscriptionId, subscriptionId)))
  return row?.paymentId
}
