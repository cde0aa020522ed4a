import { writeAudit } from '../db/audit.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { lockCustomer } from '../db/customers.ts'
import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { type PaymentRow, readPayment } from '../db/payments.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import {
  findSubscription,
  insertSubscription,
  listSubscriptions,
  subscriptionData,
  type SubscriptionWithPlan,
  updateSubscription,
} from '../db/subscriptions.ts'
import type { EventDraft } from '../domain/events.ts'
import type { PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import { paymentTransfers } from '../domain/ledger.ts'
import { heldRoles, roleChanges } from '../domain/roles.ts'
import {
  decideSubscription,
  type KnownSubscription,
  type SubscriptionChange,
  type SubscriptionDecision,
  type SubscriptionSnapshot,
} from '../domain/subscription.ts'
import type { ActivityDependencies } from './dependencies.ts'

export interface RecordSubscriptionInput {
  projectId: ProjectId
  subscriptionId: SubscriptionId
  /** The checkout that sold it. */
  paymentId: PaymentId
  snapshot: SubscriptionSnapshot
}

const reasons: Record<SubscriptionChange, string> = {
  trial_started: 'The checkout was completed and the trial began.',
  activated: 'Stripe says the subscription is paid and active.',
  renewed: 'The invoice of a new period was paid.',
  payment_failed: 'The invoice of a new period was not paid.',
  recovered: 'What was owed has been paid.',
  paused: 'Stripe says the subscription is paused.',
  resumed: 'Stripe says the subscription runs again.',
  canceled: 'Stripe says the subscription has ended.',
}

/** Writes what a look at Stripe showed of a subscription: its row, ledger, audit, events and what the user's roles become,
 *  in one transaction. The row decides under its customer's lock, so any number of looks write each change once.
 *  @returns what is recorded now; `undefined` while Stripe does not let it run yet. */
export function createRecordSubscription({ database, now }: ActivityDependencies) {
  return function recordSubscription(input: RecordSubscriptionInput): Promise<KnownSubscription | undefined> {
    const { projectId, subscriptionId, paymentId, snapshot } = input
    return inProject(database, projectId, async (transaction) => {
      const payment = await readPayment(transaction, projectId, paymentId)
      await lockCustomer(transaction, projectId, payment.customerId)
      const existing = await findSubscription(transaction, projectId, subscriptionId)
      const known = existing && toKnown(existing)
      const decision = decideSubscription(known, snapshot)
      if (decision.changes.length === 0 && !decision.detailsChanged) return known

      const revision = (existing?.subscription.revision ?? 0) + 1
      const intent = intentOf(subscriptionId, decision, snapshot, revision)
      await once(transaction, { projectId, intent }, () =>
        write(transaction, {
          payment,
          subscriptionId,
          existing,
          decision,
          snapshot,
          revision,
          intent,
          at: now(),
        }),
      )
      const recorded = await findSubscription(transaction, projectId, subscriptionId)
      return recorded && toKnown(recorded)
    })
  }
}

/** Names the change by what caused it, so that it is written once: a renewal by its invoice, and what may come and go
 *  (a pause, a wish to end) by the revision it makes. */
function intentOf(
  subscriptionId: SubscriptionId,
  { changes: [change] }: SubscriptionDecision,
  seen: SubscriptionSnapshot,
  revision: number,
): string {
  switch (change) {
    case 'trial_started':
    case 'activated':
    case 'canceled':
      return `${subscriptionId}/${change}`
    case 'renewed':
    case 'payment_failed':
    case 'recovered':
      return `${subscriptionId}/${change}/${seen.latestInvoice?.invoiceId ?? seen.currentPeriodStart}`
    default:
      return `${subscriptionId}/${change ?? 'updated'}/${revision}`
  }
}

interface Writing {
  payment: PaymentRow
  subscriptionId: SubscriptionId
  existing: SubscriptionWithPlan | undefined
  decision: SubscriptionDecision
  snapshot: SubscriptionSnapshot
  revision: number
  intent: string
  at: Date
}

async function write(transaction: Transaction, writing: Writing): Promise<void> {
  const { payment, subscriptionId, existing, decision, snapshot, intent, at } = writing
  const { projectId, userId, correlationId, livemode } = payment
  const rolesBefore = await rolesOf(transaction, payment)
  await saveRow(transaction, writing)
  const rolesAfter = await rolesOf(transaction, payment)
  const recorded = await findSubscription(transaction, projectId, subscriptionId)
  if (!recorded) throw new Error(`subscription ${subscriptionId} is missing after it was written`)

  await ownStripeObjects(transaction, { projectId, ownerId: subscriptionId, livemode }, [
    snapshot.stripeSubscriptionId,
    snapshot.latestInvoice?.invoiceId,
  ])
  const [change] = decision.changes
  if (change === 'renewed' && snapshot.latestInvoice) {
    // The first period's money was entered by the checkout that collected it.
    const transfers = paymentTransfers('subscription', snapshot.latestInvoice.amountPaid)
    await enterLedger(transaction, { projectId, userId, intent, occurredAt: at, transfers })
  }
  await writeAudit(transaction, {
    projectId,
    actor: 'stripe',
    action: change ? `subscription.${change}` : 'subscription.updated',
    subjectId: subscriptionId,
    why: change ? reasons[change] : 'Stripe shows another period or another end.',
    correlationId,
    stripeIds: [snapshot.stripeSubscriptionId, snapshot.latestInvoice?.invoiceId].filter((id): id is string =>
      Boolean(id),
    ),
    ...(existing && { before: { status: existing.subscription.status } }),
    after: {
      status: decision.status,
      current_period_end: recorded.subscription.currentPeriodEnd.toISOString(),
    },
    occurredAt: at,
  })
  await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, [
    ...subscriptionEvents(recorded, writing),
    ...roleEvents(recorded, rolesBefore, rolesAfter),
  ])
}

async function saveRow(transaction: Transaction, writing: Writing): Promise<void> {
  const { payment, subscriptionId, existing, decision, snapshot, revision } = writing
  const columns = {
    revision,
    status: decision.status,
    quantity: snapshot.quantity,
    currentPeriodStart: new Date(snapshot.currentPeriodStart),
    currentPeriodEnd: new Date(snapshot.currentPeriodEnd),
    cancelAtPeriodEnd: snapshot.cancelAtPeriodEnd,
    trialEnd: snapshot.trialEnd === undefined ? null : new Date(snapshot.trialEnd),
    endedAt: snapshot.endedAt === undefined ? null : new Date(snapshot.endedAt),
  }
  if (existing) {
    await updateSubscription(transaction, existing.subscription, columns)
    return
  }
  const { projectId, customerId, userId, paymentId, livemode, planId, planVersion } = payment
  if (planId === null || planVersion === null) throw new Error(`payment ${paymentId} buys no plan`)
  await insertSubscription(transaction, {
    ...columns,
    projectId,
    subscriptionId,
    customerId,
    userId,
    paymentId,
    livemode,
    planId,
    planVersion,
    stripeSubscriptionId: snapshot.stripeSubscriptionId,
  })
}

async function rolesOf(
  transaction: Transaction,
  { projectId, userId, livemode }: PaymentRow,
): Promise<string[]> {
  const all = await listSubscriptions(transaction, projectId, userId, livemode)
  return heldRoles(all.map(({ subscription, plan }) => ({ status: subscription.status, roles: plan.roles })))
}

const eventOfChange = {
  trial_started: 'subscription.activated',
  activated: 'subscription.activated',
  payment_failed: 'subscription.past_due',
  recovered: 'subscription.recovered',
  paused: 'subscription.paused',
  resumed: 'subscription.resumed',
  canceled: 'subscription.canceled',
} as const satisfies Record<Exclude<SubscriptionChange, 'renewed'>, EventDraft['type']>

function subscriptionEvents(
  recorded: SubscriptionWithPlan,
  { existing, decision, snapshot }: Writing,
): EventDraft[] {
  const subject = recorded.subscription.subscriptionId
  const data = subscriptionData(recorded)
  const [change] = decision.changes
  const created: EventDraft[] = existing ? [] : [{ type: 'subscription.created', subject, data }]
  if (change === undefined) return [...created, { type: 'subscription.updated', subject, data }]
  if (change !== 'renewed') return [...created, { type: eventOfChange[change], subject, data }]
  const { invoiceId, amountPaid } = snapshot.latestInvoice ?? {}
  return [
    ...created,
    {
      type: 'subscription.renewed',
      subject,
      data: {
        ...data,
        invoice_id: invoiceId ?? '',
        amount: amountPaid?.amountMinor ?? 0,
        currency: amountPaid?.currency ?? recorded.plan.currency,
      },
    },
  ]
}

function roleEvents({ subscription }: SubscriptionWithPlan, before: string[], after: string[]): EventDraft[] {
  const { granted, revoked } = roleChanges(before, after)
  const subject = subscription.userId
  const data = (role: string) => ({
    user_id: subject,
    role,
    roles: after,
    subscription_id: subscription.subscriptionId,
  })
  return [
    ...granted.map((role): EventDraft => ({ type: 'entitlement.role_granted', subject, data: data(role) })),
    ...revoked.map((role): EventDraft => ({ type: 'entitlement.role_revoked', subject, data: data(role) })),
  ]
}

function toKnown({ subscription }: SubscriptionWithPlan): KnownSubscription {
  return {
    status: subscription.status,
    currentPeriodStart: subscription.currentPeriodStart.getTime(),
    currentPeriodEnd: subscription.currentPeriodEnd.getTime(),
    cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
  }
}
