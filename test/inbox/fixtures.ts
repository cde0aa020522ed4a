import { randomBytes } from 'node:crypto'
import { inProject } from '../../db/client.ts'
import { type PaymentRow, updatePayment } from '../../db/payments.ts'
import { inbox } from '../../db/schema/index.ts'
import { insertSubscription } from '../../db/subscriptions.ts'
import type { PaymentStatus } from '../../domain/checkout.ts'
import type { ProjectId, SubscriptionId } from '../../domain/ids.ts'
import { metadataKeys, type ProviderEvent } from '../../domain/provider.ts'
import type { SubscriptionStatus } from '../../domain/subscription.ts'
import { type Seeded, seedPayment } from '../support/seed.ts'

export type SoldPayment = PaymentRow & { subscriptionId: SubscriptionId }

/** A payment for a plan, as the API accepts it or as it became. */
export async function seedSale(
  database: Seeded,
  projectId: ProjectId,
  status: PaymentStatus = 'pending',
): Promise<SoldPayment> {
  const payment = await seedPayment(database, projectId, { userId: `user-${randomBytes(4).toString('hex')}` })
  if (payment.subscriptionId === null) throw new Error('a plan is sold as a subscription')
  if (status !== 'pending')
    await inProject(database.connections.application, projectId, (transaction) =>
      updatePayment(transaction, payment, { status }),
    )
  return { ...payment, subscriptionId: payment.subscriptionId }
}

/** The subscription that a payment sold. */
export async function seedSubscription(
  { connections }: Seeded,
  payment: SoldPayment,
  status: SubscriptionStatus = 'active',
): Promise<string> {
  const { projectId, subscriptionId, customerId, userId, paymentId } = payment
  const stripeSubscriptionId = stripeId('sub')
  await inProject(connections.application, projectId, (transaction) =>
    insertSubscription(transaction, {
      projectId,
      subscriptionId,
      customerId,
      userId,
      paymentId,
      livemode: false,
      planId: 'pro',
      planVersion: 1,
      quantity: 1,
      status,
      currentPeriodStart: new Date('2026-03-01T00:00:00Z'),
      currentPeriodEnd: new Date('2026-04-01T00:00:00Z'),
      cancelAtPeriodEnd: false,
      revision: 1,
      stripeSubscriptionId,
    }),
  )
  return stripeSubscriptionId
}

export function stripeId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}

/** Our ids as they stand in the metadata of Stripe's objects. */
export function metadataOf(payment: SoldPayment): Record<string, string> {
  return {
    [metadataKeys.project]: payment.projectId,
    [metadataKeys.payment]: payment.paymentId,
    [metadataKeys.subscription]: payment.subscriptionId,
  }
}

/** A verified event about an object. */
export function stripeEvent(
  type: string,
  object: Record<string, unknown> = {},
  previousAttributes?: Record<string, unknown>,
): ProviderEvent {
  const objectId = typeof object.id === 'string' ? object.id : stripeId('obj')
  return {
    eventId: stripeId('evt'),
    type,
    createdAt: new Date('2026-03-10T12:00:00Z'),
    apiVersion: '2026-10-28.endive',
    account: '',
    livemode: false,
    objectId,
    payload: {
      data: {
        object: { id: objectId, ...object },
        ...(previousAttributes && { previous_attributes: previousAttributes }),
      },
    },
  }
}

/** An invoice of a payment's subscription, with the metadata where Stripe puts it. */
export function invoiceOf(
  payment: SoldPayment,
  billingReason: string,
  subscription = stripeId('sub'),
): Record<string, unknown> {
  return {
    id: stripeId('in'),
    object: 'invoice',
    billing_reason: billingReason,
    metadata: {},
    parent: {
      type: 'subscription_details',
      subscription_details: { subscription, metadata: metadataOf(payment) },
    },
  }
}

export async function inboxRow({ connections }: Seeded, eventId: string) {
  const rows = await connections.system.select().from(inbox)
  const row = rows.find((candidate) => candidate.eventId === eventId)
  if (!row) throw new Error(`event ${eventId} is not in the inbox`)
  return row
}
