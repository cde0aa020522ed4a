import { writeAudit } from '../db/audit.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { readPlan } from '../db/catalog.ts'
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
  type InvoiceSnapshot,
  type KnownSubscription,
  soldSubscription,
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
  activated: 'Stripe says the subscription is active.',
  renewed: 'The invoice of a new period was paid.',
  payment_failed: 'The invoice of a new period was not paid.',
  recovered: 'Stripe says nothing is owed any more.',
  paused: 'Stripe says the subscription is paused.',
  resumed: 'Stripe says the subscription runs again.',
  canceled: 'Stripe says the subscription has ended.',
}

/** More steps than any subscription has between two looks. */
const MAX_STEPS = 10

/** Writes what a look at Stripe showed of a subscription: its row, ledger, audit, events and what the user's roles become,
 *  in one transaction. The row decides under its customer's lock, so any number of looks write each change once.
 *  @returns what is recorded now; `undefined` while Stripe does not let it run yet. */
export function createRecordSubscription({ database, now }: ActivityDependencies) {
  return function recordSubscription(input: RecordSubscriptionInput): Promise<KnownSubscription | undefined> {
    const { projectId, subscriptionId, paymentId, snapshot } = input
    return inProject(database, projectId, async (transaction) => {
      const payment = await readPayment(transaction, projectId, paymentId)
      await lockCustomer(transaction, projectId, payment.customerId)
      let recorded = await findSubscription(transaction, projectId, subscriptionId)
      for (let step = 0; step < MAX_STEPS; step += 1) {
        const known = recorded && toKnown(recorded)
        const decision = decideSubscription(known ?? soldSubscription, snapshot)
        if (!decision) return known
        recorded = await write(transaction, {
          payment,
          subscriptionId,
          existing: recorded,
          decision,
          snapshot,
          at: now(),
        })
      }
      throw new Error(`the decisions on subscription ${subscriptionId} do not come to an end`)
    })
  }
}

interface Writing {
  payment: PaymentRow
  subscriptionId: SubscriptionId
  existing: SubscriptionWithPlan | undefined
  decision: SubscriptionDecision
  snapshot: SubscriptionSnapshot
  at: Date
}

/** Writes one step of its life with all that follows from it. */
async function write(transaction: Transaction, writing: Writing): Promise<SubscriptionWithPlan> {
  const { payment, subscriptionId, existing, decision, snapshot, at } = writing
  const { projectId, userId, correlationId, livemode } = payment
  const { change, paidInvoice } = decision
  // What may come and go, like a pause or a wish to end, is told each time: the revision tells the times apart.
  const revision = (existing?.subscription.revision ?? 0) + 1
  const intent = `${subscriptionId}/${revision}/${change ?? 'updated'}`

  const earlier = await listSubscriptions(transaction, projectId, userId, livemode)
  const recorded = await saveRow(transaction, writing, revision)
  const others = earlier.filter(({ subscription }) => subscription.subscriptionId !== subscriptionId)
  const stripeIds = [snapshot.stripeSubscriptionId, snapshot.latestInvoice?.invoiceId].filter(
    (id): id is string => Boolean(id),
  )
  const isNew = await once(transaction, { projectId, intent }, async () => {
    await ownStripeObjects(transaction, { projectId, ownerId: subscriptionId, livemode }, stripeIds)
    if (paidInvoice) await enterPayment(transaction, { payment, subscriptionId, invoice: paidInvoice, at })
    await writeAudit(transaction, {
      projectId,
      actor: 'stripe',
      action: `subscription.${change ?? 'updated'}`,
      subjectId: subscriptionId,
      why: change ? reasons[change] : 'Stripe shows other terms, or another payment.',
      correlationId,
      stripeIds,
      ...(existing && { before: audited(existing) }),
      after: audited(recorded),
      occurredAt: at,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, [
      ...subscriptionEvents(recorded, writing),
      ...roleEvents(recorded, rolesOf(earlier), rolesOf([...others, recorded])),
    ])
  })
  if (!isNew) throw new Error(`${intent} was told before its row was written`)
  return recorded
}

/** An invoice is entered once, whatever the looks that show it as paid mean for the subscription. */
async function enterPayment(
  transaction: Transaction,
  {
    payment,
    subscriptionId,
    invoice,
    at,
  }: Pick<Writing, 'payment' | 'subscriptionId' | 'at'> & { invoice: InvoiceSnapshot },
): Promise<void> {
  const { projectId, userId } = payment
  const intent = `${subscriptionId}/paid/${invoice.invoiceId}`
  const transfers = paymentTransfers('subscription', invoice.amountPaid)
  await once(transaction, { projectId, intent }, () =>
    enterLedger(transaction, { projectId, userId, intent, occurredAt: at, transfers }),
  )
}

async function saveRow(
  transaction: Transaction,
  { payment, subscriptionId, existing, decision, snapshot }: Writing,
  revision: number,
): Promise<SubscriptionWithPlan> {
  const columns = {
    revision,
    status: decision.status,
    quantity: snapshot.quantity,
    currentPeriodStart: new Date(snapshot.currentPeriodStart),
    currentPeriodEnd: new Date(snapshot.currentPeriodEnd),
    cancelAtPeriodEnd: snapshot.cancelAtPeriodEnd,
    trialEnd: snapshot.trialEnd === undefined ? null : new Date(snapshot.trialEnd),
    endedAt: snapshot.endedAt === undefined ? null : new Date(snapshot.endedAt),
    ...(decision.paidInvoice && { paidInvoiceId: decision.paidInvoice.invoiceId }),
  }
  if (existing) {
    const subscription = await updateSubscription(transaction, existing.subscription, columns)
    return { subscription, plan: existing.plan }
  }
  const { projectId, customerId, userId, paymentId, livemode, planId, planVersion } = payment
  if (planId === null || planVersion === null) throw new Error(`payment ${paymentId} buys no plan`)
  const subscription = await insertSubscription(transaction, {
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
  return { subscription, plan: await readPlan(transaction, { projectId, planId, version: planVersion }) }
}

const rolesOf = (all: SubscriptionWithPlan[]) =>
  heldRoles(all.map(({ subscription, plan }) => ({ status: subscription.status, roles: plan.roles })))

const audited = ({ subscription }: SubscriptionWithPlan) => ({
  status: subscription.status,
  current_period_end: subscription.currentPeriodEnd.toISOString(),
  cancel_at_period_end: subscription.cancelAtPeriodEnd,
})

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
  { existing, decision }: Pick<Writing, 'existing' | 'decision'>,
): EventDraft[] {
  const subject = recorded.subscription.subscriptionId
  const data = subscriptionData(recorded)
  const { change, paidInvoice } = decision
  const created: EventDraft[] = existing ? [] : [{ type: 'subscription.created', subject, data }]
  if (change === undefined) return [...created, { type: 'subscription.updated', subject, data }]
  if (change !== 'renewed') return [...created, { type: eventOfChange[change], subject, data }]
  if (!paidInvoice) throw new Error(`subscription ${subject} was renewed without a payment`)
  const { invoiceId, amountPaid } = paidInvoice
  return [
    {
      type: 'subscription.renewed',
      subject,
      data: {
        ...data,
        invoice_id: invoiceId,
        amount: amountPaid.amountMinor,
        currency: amountPaid.currency,
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
  const {
    status,
    currentPeriodStart,
    currentPeriodEnd,
    cancelAtPeriodEnd,
    trialEnd,
    quantity,
    paidInvoiceId,
  } = subscription
  return {
    status,
    currentPeriodStart: currentPeriodStart.getTime(),
    currentPeriodEnd: currentPeriodEnd.getTime(),
    cancelAtPeriodEnd,
    ...(trialEnd && { trialEnd: trialEnd.getTime() }),
    quantity,
    ...(paidInvoiceId !== null && { paidInvoiceId }),
  }
}
