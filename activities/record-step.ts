import { readPlan } from '../db/catalog.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import {
  insertSubscription,
  listSubscriptions,
  type SubscriptionWithPlan,
  updateSubscription,
} from '../db/subscriptions.ts'
import type { SubscriptionDecision } from '../domain/decide-subscription.ts'
import { firstFailureOf, type SubscriptionSnapshot } from '../domain/subscription.ts'
import { enterPaidInvoice } from './paid-invoice.ts'
import { type Cause, type Scene, tell } from './scene.ts'
import { describeChange, rolesOf, subscriptionEvents, type ToldStep } from './subscription-events.ts'

/** One step in the life of a subscription, decided and not written yet. */
export interface Step {
  decision: SubscriptionDecision
  snapshot: SubscriptionSnapshot
  plan: { planId: string; planVersion: number }
  graceEnded: boolean
}

/** Writes one step of its life with all that follows from it. */
export async function writeStep(scene: Scene, step: Step): Promise<SubscriptionWithPlan> {
  const { transaction, payment, subject, subscription: existing } = scene
  const { projectId, subscriptionId } = subject
  const { decision, snapshot, plan } = step
  const { change } = decision
  // What may come and go, like a pause or a wish to end, is told each time: the revision tells the times apart.
  const revision = (existing?.subscription.revision ?? 0) + 1
  const occurredAt = timeOf(scene, step)

  const earlier = await listSubscriptions(transaction, projectId, payment.userId, payment.livemode)
  const recorded = await saveRow(scene, step, revision)
  const others = earlier.filter(({ subscription }) => subscription.subscriptionId !== subscriptionId)
  const rolesBefore = rolesOf(earlier)
  const rolesAfter = rolesOf([...others, recorded])
  const announcesEnd = willEnd(recorded) && !(existing && willEnd(existing))
  const told = { existing, recorded, snapshot, revision, occurredAt, announcesEnd }
  const changesPlan = existing !== undefined && isOtherPlan(existing, plan)
  if (change !== 'renewed' || !changesPlan) {
    await tellStep(scene, { ...told, decision, rolesBefore, rolesAfter })
  } else {
    await tellStep(scene, { ...told, decision, rolesBefore, rolesAfter: rolesBefore })
    const planned = { change: 'plan_changed', paidInvoice: undefined } as const
    await tellStep(scene, { ...told, decision: planned, rolesBefore, rolesAfter, announcesEnd: false })
  }
  return recorded
}

/** Whether it ends with its period, which has been paid for. What is owed may still be charged, or end access before. */
const willEnd = ({ subscription: { status, cancelAtPeriodEnd } }: SubscriptionWithPlan): boolean =>
  cancelAtPeriodEnd && (status === 'active' || status === 'trialing')

interface Telling extends Pick<ToldStep, 'decision' | 'rolesBefore' | 'rolesAfter' | 'announcesEnd'> {
  existing: SubscriptionWithPlan | undefined
  recorded: SubscriptionWithPlan
  snapshot: SubscriptionSnapshot
  revision: number
  occurredAt: Date
}

async function tellStep(scene: Scene, telling: Telling): Promise<void> {
  const { transaction, payment, subject } = scene
  const { projectId, subscriptionId } = subject
  const { existing, recorded, snapshot, revision, occurredAt, decision } = telling
  const { change, paidInvoice } = decision
  const stripeIds = [snapshot.stripeSubscriptionId, snapshot.latestInvoice?.invoiceId].filter(
    (id): id is string => Boolean(id),
  )
  const isNew = await tell(
    { ...scene, cause: causeOf(scene, telling) },
    {
      intent: `${subscriptionId}/${revision}/${change ?? 'updated'}`,
      action: `subscription.${change ?? 'updated'}`,
      why: describeChange(decision),
      occurredAt,
      stripeIds,
      ...(paidInvoice && { amount: paidInvoice.amountPaid }),
      ...(existing && { before: audited(existing) }),
      after: audited(recorded),
      events: subscriptionEvents(recorded, {
        ...telling,
        isNew: !existing,
        unpaid: scene.cases.some(({ status }) => status === 'exhausted'),
      }),
    },
    async () => {
      await ownStripeObjects(
        transaction,
        { projectId, ownerId: subscriptionId, livemode: payment.livemode },
        // A refund or a dispute names the payment, and nothing of the subscription.
        [...stripeIds, paidInvoice?.invoiceId, paidInvoice?.stripePaymentIntentId],
      )
      if (paidInvoice) await enterPaidInvoice(scene, paidInvoice, occurredAt)
    },
  )
  if (!isNew) throw new Error(`${subscriptionId}/${revision} was told before its row was written`)
}

/** A change that was asked for before is whoever's it was then. And the words of a person explain what they asked for, not
 *  the money that moved with it. */
function causeOf({ cause }: Scene, { existing, recorded, decision }: Telling): Cause {
  const { change, paidInvoice } = decision
  const pending = existing?.subscription.pendingChange
  if (change === 'plan_changed' && pending?.by !== undefined && !isOtherPlan(recorded, pending))
    return { ...cause, by: pending.by, ...(pending.reason !== undefined && { why: pending.reason }) }
  const isAboutMoney =
    change === 'renewed' ||
    change === 'recovered' ||
    change === 'payment_failed' ||
    (change === undefined && paidInvoice !== undefined)
  const { why: _why, ...withoutWords } = cause
  return isAboutMoney ? withoutWords : cause
}

const isOtherPlan = (
  { plan }: SubscriptionWithPlan,
  { planId, planVersion }: { planId: string; planVersion: number },
) => plan.planId !== planId || plan.version !== planVersion

/** When it happened, where Stripe tells: a look may come long after. */
function timeOf({ at }: Scene, { decision, snapshot }: Step): Date {
  const { change, paidInvoice } = decision
  if (change === 'canceled') return new Date(snapshot.endedAt ?? at)
  if (paidInvoice?.paidAt !== undefined) return new Date(paidInvoice.paidAt)
  const failedAt =
    change === 'payment_failed' && snapshot.latestInvoice ? firstFailureOf(snapshot.latestInvoice) : undefined
  return failedAt === undefined ? at : new Date(failedAt)
}

async function saveRow(scene: Scene, step: Step, revision: number): Promise<SubscriptionWithPlan> {
  const { transaction, payment, subject, subscription: existing } = scene
  const { decision, snapshot, plan, graceEnded } = step
  const columns = {
    revision,
    ...plan,
    status: decision.status,
    quantity: snapshot.quantity,
    currentPeriodStart: new Date(snapshot.currentPeriodStart),
    currentPeriodEnd: new Date(snapshot.currentPeriodEnd),
    cancelAtPeriodEnd: snapshot.cancelAtPeriodEnd,
    trialEnd: snapshot.trialEnd === undefined ? null : new Date(snapshot.trialEnd),
    endedAt: snapshot.endedAt === undefined ? null : new Date(snapshot.endedAt),
    pendingChange: decision.pendingChange ?? null,
    graceEnded,
    ...(decision.status !== 'paused' && { pausedUntil: null }),
    ...(decision.paidInvoice && { paidInvoiceId: decision.paidInvoice.invoiceId }),
  }
  const { projectId, subscriptionId } = subject
  if (existing) {
    const subscription = await updateSubscription(transaction, existing.subscription, columns)
    return {
      subscription,
      plan: isOtherPlan(existing, plan)
        ? await readPlan(transaction, { projectId, planId: plan.planId, version: plan.planVersion })
        : existing.plan,
    }
  }
  const { customerId, userId, paymentId, livemode } = payment
  const subscription = await insertSubscription(transaction, {
    ...columns,
    projectId,
    subscriptionId,
    customerId,
    userId,
    paymentId,
    livemode,
    stripeSubscriptionId: snapshot.stripeSubscriptionId,
  })
  return {
    subscription,
    plan: await readPlan(transaction, { projectId, planId: plan.planId, version: plan.planVersion }),
  }
}

const audited = ({ subscription }: SubscriptionWithPlan) => ({
  status: subscription.status,
  plan_id: subscription.planId,
  current_period_end: subscription.currentPeriodEnd.toISOString(),
  cancel_at_period_end: subscription.cancelAtPeriodEnd,
})
