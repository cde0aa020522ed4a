import { findPlanByPrice, readPlan } from '../db/catalog.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { type DunningCaseRow } from '../db/dunning.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import {
  findSubscription,
  insertSubscription,
  listSubscriptions,
  type SubscriptionWithPlan,
  toKnown,
  updateSubscription,
} from '../db/subscriptions.ts'
import { enterLedger } from '../db/ledger.ts'
import { once } from '../db/once.ts'
import { paymentTransfers } from '../domain/ledger.ts'
import {
  decideSubscription,
  failedInvoiceOf,
  firstFailureOf,
  type InvoiceSnapshot,
  type KnownSubscription,
  owesMoney,
  soldSubscription,
  type SubscriptionDecision,
  type SubscriptionSnapshot,
} from '../domain/subscription.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { endCase, followInvoice, openCase } from './dunning-cases.ts'
import { type Cause, openScene, type Scene, type Subject, tell } from './scene.ts'
import { describeChange, rolesOf, subscriptionEvents } from './subscription-events.ts'

export interface FollowInput extends Subject {
  /** An invoice to look at beside the latest one: that of a case. */
  invoiceId?: string
  /** The end of the last period that the caller knows. When Stripe is further, the invoices between are looked at as well. */
  knownPeriodEnd?: number
  /** The revision of the row that the caller knows; it is asked for when left out. */
  knownRevision?: number
  cause?: Cause
}

/** What a look showed, as far as workflows must know it. */
export interface Followed {
  /** `undefined` while Stripe does not let it run yet. */
  known?: KnownSubscription
  /** Whether an invoice waits to be charged or paid. */
  owes: boolean
  /** Stripe has given up on its first payment. */
  neverStarted: boolean
  /** Invoices that are being worked through. */
  openCases: string[]
  /** A case whose retries have all failed, and what is to be done about that. */
  exhausted?: { invoiceId: string; action: 'cancel' | 'pause' }
  /** Invoices that could still be paid although the subscription has ended. */
  toVoid: string[]
  /** The time of the customer's test clock. */
  clockNow?: number
}

/** Looks at Stripe and makes our rows follow: the subscription, its cases, ledger, audit, events, and what the user's roles
 *  become, in one transaction. The rows decide under their customer's lock, so any number of looks write each change once.
 *
 *  A look that somebody has overtaken, by another look or by a command, may have seen what is no longer so: it looks again. */
export function createFollowSubscription({ database, provider, now }: ActivityDependencies) {
  return async function followSubscription(input: FollowInput): Promise<Followed> {
    const { invoiceId, knownPeriodEnd, knownRevision, cause = { by: 'stripe' }, ...subject } = input
    let revision =
      knownRevision ?? (await inTenant(subject, (transaction) => readRevision(transaction, subject)))
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const { snapshot, invoices } = await read(subject, { invoiceId, knownPeriodEnd })
      const followed = await inTenant(subject, async (transaction) => {
        const scene = await openScene(transaction, { subject, cause, now: now() })
        const current = scene.subscription?.subscription.revision ?? 0
        if (current === revision) return recordLook(scene, snapshot, invoices)
        revision = current
        return undefined
      })
      if (followed) return followed
    }
    throw new Error(`subscription ${subject.subscriptionId} changes faster than it can be read`)
  }

  async function read(
    { stripeSubscriptionId }: Subject,
    { invoiceId, knownPeriodEnd }: { invoiceId: string | undefined; knownPeriodEnd: number | undefined },
  ) {
    const snapshot = await provider.readSubscription(stripeSubscriptionId)
    const { latestInvoice } = snapshot
    // Nobody has looked for longer than a period: each of those that went by is a renewal of its own.
    const missed =
      knownPeriodEnd !== undefined && snapshot.currentPeriodStart > knownPeriodEnd
        ? await provider.listInvoices({ providerSubscriptionId: stripeSubscriptionId, since: knownPeriodEnd })
        : []
    const invoices = missed.filter((invoice) => invoice.invoiceId !== latestInvoice?.invoiceId)
    if (invoiceId !== undefined && ![...invoices, latestInvoice].some((one) => one?.invoiceId === invoiceId))
      invoices.push(await provider.readInvoice(invoiceId))
    if (latestInvoice) invoices.push(latestInvoice)
    return { snapshot, invoices }
  }

  function inTenant<Result>({ projectId }: Subject, work: (transaction: Transaction) => Promise<Result>) {
    return inProject(database, projectId, work)
  }
}
export type FollowSubscription = ReturnType<typeof createFollowSubscription>

/** More often than a look is overtaken. */
const MAX_LOOKS = 5

async function readRevision(
  transaction: Transaction,
  { projectId, subscriptionId }: Subject,
): Promise<number> {
  return (await findSubscription(transaction, projectId, subscriptionId))?.subscription.revision ?? 0
}

/** More steps than any subscription has between two looks. */
const MAX_STEPS = 10

export async function recordLook(
  scene: Scene,
  snapshot: SubscriptionSnapshot,
  invoices: InvoiceSnapshot[],
): Promise<Followed> {
  const cases = await followCases(scene, snapshot, invoices)
  const opening = failedInvoices(snapshot, invoices).filter(
    (failed) => !cases.some(({ invoiceId }) => invoiceId === failed.invoiceId),
  )
  const openCases = cases.filter(isOpen).length + opening.length
  const graceEnded = cases.some((found) => isUnresolved(found) && found.graceEnded)

  let recorded = scene.subscription
  for (const look of periodByPeriod(snapshot, invoices))
    recorded = await takeSteps({ ...scene, subscription: recorded }, look, { openCases, graceEnded })
  if (recorded && recorded.subscription.status === 'past_due')
    for (const invoice of opening)
      cases.push(await openCase({ ...scene, subscription: recorded }, recorded, invoice))
  return describe(scene, { recorded, cases, snapshot })
}

/** Writes step after step, until the rows say what the look has shown. */
async function takeSteps(
  scene: Scene,
  snapshot: SubscriptionSnapshot,
  { openCases, graceEnded }: { openCases: number; graceEnded: boolean },
): Promise<SubscriptionWithPlan | undefined> {
  let recorded = scene.subscription
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const known = recorded ? toKnown(recorded, openCases) : soldSubscription(termsSold(scene))
    const now = { ...scene, subscription: recorded }
    const plan = await planSeen(now, known, snapshot)
    const decision = decideSubscription(known, { ...snapshot, plan, graceEnded })
    if (!decision) return recorded
    recorded = await writeStep(now, { decision, snapshot, plan, graceEnded })
  }
  throw new Error(`the decisions on subscription ${scene.subject.subscriptionId} do not come to an end`)
}

/** The look as it would have been in each period that went by unseen, and then as it is. */
function periodByPeriod(snapshot: SubscriptionSnapshot, invoices: InvoiceSnapshot[]): SubscriptionSnapshot[] {
  const missed = invoices.filter(
    ({ billingReason, status, period, invoiceId }) =>
      billingReason === 'subscription_cycle' &&
      status === 'paid' &&
      invoiceId !== snapshot.latestInvoice?.invoiceId &&
      period !== undefined &&
      period.start < snapshot.currentPeriodStart,
  )
  const { endedAt: _ended, ...running } = snapshot
  return [
    ...missed.map((invoice) => ({
      ...running,
      status: 'active' as const,
      currentPeriodStart: invoice.period?.start ?? snapshot.currentPeriodStart,
      currentPeriodEnd: invoice.period?.end ?? snapshot.currentPeriodEnd,
      latestInvoice: invoice,
    })),
    snapshot,
  ]
}

/** Invoices that Stripe could not collect: the latest one, and those of periods that nobody has looked at. */
function failedInvoices(snapshot: SubscriptionSnapshot, invoices: InvoiceSnapshot[]): InvoiceSnapshot[] {
  if (snapshot.status === 'canceled') return []
  const latest = failedInvoiceOf(snapshot)
  const earlier = invoices.filter(
    ({ billingReason, status, attempted, invoiceId }) =>
      billingReason === 'subscription_cycle' &&
      status === 'open' &&
      attempted &&
      invoiceId !== snapshot.latestInvoice?.invoiceId,
  )
  return [...earlier, ...(latest ? [latest] : [])]
}

/** What the invoices and the subscription's end mean for the cases there are. */
async function followCases(
  scene: Scene,
  snapshot: SubscriptionSnapshot,
  invoices: InvoiceSnapshot[],
): Promise<DunningCaseRow[]> {
  const cases: DunningCaseRow[] = []
  for (const found of scene.cases) {
    const invoice = invoices.find(({ invoiceId }) => invoiceId === found.invoiceId)
    const hasEnded = snapshot.status === 'canceled'
    // With the subscription its cases are over. That their invoices are void then is our own doing; money still counts.
    const isNews = isUnresolved(found) && (!hasEnded || invoice?.status === 'paid')
    const followed = invoice && isNews ? await followInvoice(scene, found, invoice) : found
    cases.push(
      hasEnded && isOpen(followed)
        ? await endCase(scene, followed, 'canceled', {
            at: new Date(snapshot.endedAt ?? scene.at),
            why: 'The subscription has ended: nothing of it is collected any more.',
          })
        : followed,
    )
  }
  return cases
}

const isOpen = ({ status }: DunningCaseRow) => status === 'open'
/** Still owed, whether or not anybody tries to collect it. */
const isUnresolved = ({ status }: DunningCaseRow) => status === 'open' || status === 'exhausted'

function termsSold({ payment }: Scene) {
  const { planId, planVersion, quantity, paymentId } = payment
  if (planId === null || planVersion === null) throw new Error(`payment ${paymentId} buys no plan`)
  return { planId, planVersion, quantity }
}

/** What the price at Stripe is to us. A price that is none of ours was set by hand there: the plan stays what it was. */
async function planSeen(
  { transaction, subscription, subject }: Scene,
  { planId, planVersion }: KnownSubscription,
  { priceId }: SubscriptionSnapshot,
): Promise<{ planId: string; planVersion: number }> {
  if (!subscription || subscription.plan.stripePriceId === priceId) return { planId, planVersion }
  const plan = await findPlanByPrice(transaction, subject.projectId, priceId)
  return plan ? { planId: plan.planId, planVersion: plan.version } : { planId, planVersion }
}

interface Step {
  decision: SubscriptionDecision
  snapshot: SubscriptionSnapshot
  plan: { planId: string; planVersion: number }
  graceEnded: boolean
}

/** Writes one step of its life with all that follows from it. */
async function writeStep(scene: Scene, step: Step): Promise<SubscriptionWithPlan> {
  const { transaction, payment, subject, subscription: existing } = scene
  const { projectId, subscriptionId } = subject
  const { decision, snapshot } = step
  const { change, paidInvoice } = decision
  // What may come and go, like a pause or a wish to end, is told each time: the revision tells the times apart.
  const revision = (existing?.subscription.revision ?? 0) + 1
  const occurredAt = timeOf(scene, step)

  const earlier = await listSubscriptions(transaction, projectId, payment.userId, payment.livemode)
  const recorded = await saveRow(scene, step, revision)
  const others = earlier.filter(({ subscription }) => subscription.subscriptionId !== subscriptionId)
  const stripeIds = [snapshot.stripeSubscriptionId, snapshot.latestInvoice?.invoiceId].filter(
    (id): id is string => Boolean(id),
  )
  const isNew = await tell(
    scene,
    {
      intent: `${subscriptionId}/${revision}/${change ?? 'updated'}`,
      action: `subscription.${change ?? 'updated'}`,
      why: describeChange(change),
      occurredAt,
      stripeIds,
      ...(paidInvoice && { amount: paidInvoice.amountPaid }),
      ...(existing && { before: audited(existing) }),
      after: audited(recorded),
      events: subscriptionEvents(recorded, {
        isNew: !existing,
        decision,
        rolesBefore: rolesOf(earlier),
        rolesAfter: rolesOf([...others, recorded]),
        unpaid: scene.cases.some(({ status }) => status === 'exhausted'),
      }),
    },
    async () => {
      await ownStripeObjects(
        transaction,
        { projectId, ownerId: subscriptionId, livemode: payment.livemode },
        stripeIds,
      )
      if (paidInvoice) await enterPayment(scene, paidInvoice, occurredAt)
    },
  )
  if (!isNew) throw new Error(`${subscriptionId}/${revision} was told before its row was written`)
  return recorded
}

/** When it happened, where Stripe tells: a look may come long after. */
function timeOf({ at }: Scene, { decision, snapshot }: Step): Date {
  const { change, paidInvoice } = decision
  if (change === 'canceled') return new Date(snapshot.endedAt ?? at)
  if (paidInvoice?.paidAt !== undefined) return new Date(paidInvoice.paidAt)
  const failedAt =
    change === 'payment_failed' && snapshot.latestInvoice ? firstFailureOf(snapshot.latestInvoice) : undefined
  return failedAt === undefined ? at : new Date(failedAt)
}

/** An invoice is entered once, whatever the looks that show it as paid mean for the subscription. */
async function enterPayment(
  { transaction, subject, payment }: Scene,
  invoice: InvoiceSnapshot,
  occurredAt: Date,
): Promise<void> {
  const { projectId, subscriptionId } = subject
  const intent = `${subscriptionId}/paid/${invoice.invoiceId}`
  const transfers = paymentTransfers('subscription', invoice.amountPaid)
  await once(transaction, { projectId, intent }, () =>
    enterLedger(transaction, { projectId, userId: payment.userId, intent, occurredAt, transfers }),
  )
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
    const isOther = plan.planId !== existing.plan.planId || plan.planVersion !== existing.plan.version
    return {
      subscription,
      plan: isOther
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

function describe(
  { customer, at }: Scene,
  {
    recorded,
    cases,
    snapshot,
  }: { recorded: SubscriptionWithPlan | undefined; cases: DunningCaseRow[]; snapshot: SubscriptionSnapshot },
): Followed {
  const open = cases.filter(isOpen)
  const exhausted = cases.find(
    ({ status, endActionAt, policy }) =>
      status === 'exhausted' && endActionAt === null && policy.onExhausted !== 'leave_past_due',
  )
  return {
    ...(recorded && { known: toKnown(recorded, open.length) }),
    owes: owesMoney(snapshot),
    // Stripe gives up on a first payment within a day; then there is nothing to look after.
    neverStarted: recorded === undefined && snapshot.status === 'incomplete_expired',
    openCases: open.map(({ invoiceId }) => invoiceId),
    ...(exhausted && {
      exhausted: {
        invoiceId: exhausted.invoiceId,
        action: exhausted.policy.onExhausted === 'pause' ? 'pause' : 'cancel',
      },
    }),
    toVoid: cases
      .filter(({ status, endActionAt }) => status === 'canceled' && endActionAt === null)
      .map(({ invoiceId }) => invoiceId),
    ...(customer.clockId !== null && { clockNow: at.getTime() }),
  }
}
