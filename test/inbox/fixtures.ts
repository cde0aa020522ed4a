import { randomBytes } from 'node:crypto'
import { connect, type Connections, inProject } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { acceptPayment, updatePayment } from '../../db/payments.ts'
import { inbox, plans, projects } from '../../db/schema/index.ts'
import { insertSubscription } from '../../db/subscriptions.ts'
import type { PaymentStatus } from '../../domain/checkout.ts'
import type { CustomerId, PaymentId, ProjectId, SubscriptionId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { metadataKeys, type ProviderEvent } from '../../domain/provider.ts'
import type { SubscriptionStatus } from '../../domain/subscription.ts'
import { createDatabase } from '../support/stack.ts'

/** A migrated database with the connections that product code has. */
export async function openDatabase(): Promise<Connections> {
  const database = await createDatabase()
  const connections = connect({ ...database, poolSize: 5, applicationName: 'test' })
  return {
    ...connections,
    async close() {
      await connections.close()
      await database.drop()
    },
  }
}

const planId = 'pro'

/** A project with one plan. */
export async function seedProject({ application }: Connections): Promise<ProjectId> {
  const projectId = mintId('prj')
  await inProject(application, projectId, async (transaction) => {
    await transaction.insert(projects).values({ projectId, name: 'Test', currency: 'brl' })
    await transaction.insert(plans).values({
      projectId,
      planId,
      version: 1,
      name: 'Pro',
      amount: 9900,
      currency: 'brl',
      interval: 'month',
      trialDays: 0,
      roles: ['pro'],
      limits: {},
    })
  })
  return projectId
}

export interface SeededPayment {
  projectId: ProjectId
  paymentId: PaymentId
  customerId: CustomerId
  subscriptionId: SubscriptionId
  userId: string
}

/** A payment for the plan, as the API accepts it, or as it became. */
export async function seedPayment(
  { application }: Connections,
  projectId: ProjectId,
  status: PaymentStatus = 'pending',
): Promise<SeededPayment> {
  const subscriptionId = mintId('sbs')
  const userId = `user-${randomBytes(4).toString('hex')}`
  const plan = {
    id: planId,
    version: 1,
    name: 'Pro',
    price: money(9900, currency('brl')),
    interval: 'month' as const,
    trialDays: 0,
    roles: ['pro'],
    limits: {},
  }
  return inProject(application, projectId, async (transaction) => {
    const row = await acceptPayment(transaction, {
      projectId,
      paymentId: mintId('pay'),
      subscriptionId,
      userId,
      email: undefined,
      livemode: false,
      purchase: { kind: 'plan', plan, quantity: 1 },
      successUrl: 'https://example.com/thanks',
      cancelUrl: 'https://example.com/back',
      metadata: {},
      correlationId: 'cor-1',
      actor: 'test',
    })
    if (status !== 'pending') await updatePayment(transaction, row, { status })
    return {
      projectId,
      paymentId: row.paymentId,
      customerId: row.customerId,
      subscriptionId,
      userId,
    }
  })
}

/** The subscription that a payment sold. */
export async function seedSubscription(
  { application }: Connections,
  payment: SeededPayment,
  status: SubscriptionStatus = 'active',
): Promise<string> {
  const { projectId, subscriptionId, customerId, userId, paymentId } = payment
  const stripeSubscriptionId = stripeId('sub')
  await inProject(application, projectId, (transaction) =>
    insertSubscription(transaction, {
      projectId,
      subscriptionId,
      customerId,
      userId,
      paymentId,
      livemode: false,
      planId,
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
export function metadataOf(payment: SeededPayment): Record<string, string> {
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
  payment: SeededPayment,
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

export async function inboxRow({ system }: Connections, eventId: string) {
  const rows = await system.select().from(inbox)
  const row = rows.find((candidate) => candidate.eventId === eventId)
  if (!row) throw new Error(`event ${eventId} is not in the inbox`)
  return row
}
