import { findPlanByPrice } from '../db/catalog.ts'
import { type DunningCaseRow, owedBy } from '../db/dunning.ts'
import { type SubscriptionWithPlan, toKnown, updateSubscription } from '../db/subscriptions.ts'
import { failedInvoices, paidBesideLatest, paymentByPayment } from '../domain/looks.ts'
import type { Money } from '../domain/money.ts'
import { decideSubscription } from '../domain/decide-subscription.ts'
import {
  type InvoiceSnapshot,
  isPaidAfterEnd,
  type KnownSubscription,
  owesMoney,
  soldSubscription,
  type SubscriptionSnapshot,
} from '../domain/subscription.ts'
import { endCase, followInvoice, openCase } from './dunning-cases.ts'
import { owed } from './dunning-events.ts'
import { isEntered } from './paid-invoice.ts'
import { writeStep } from './record-step.ts'
import type { Scene } from './scene.ts'

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
  /** What is owed of each, for whoever reads about it. */
  amountsDue?: Record<string, Money>
  /** A case whose retries have all failed, and what is to be done about that. */
  exhausted?: { invoiceId: string; action: 'cancel' | 'pause' }
  /** Invoices that could still be paid although the subscription has ended, or that were. */
  toVoid: string[]
  /** The time of the customer's test clock. */
  clockNow?: number
}

/** More steps than any subscription has between two looks. */
const MAX_STEPS = 10

/** Makes the rows say what a look at Stripe has shown: cases first, then the subscription, whose state follows from them. */
export async function recordLook(
  scene: Scene,
  seen: SubscriptionSnapshot,
  read: InvoiceSnapshot[],
): Promise<Followed> {
  const { snapshot, invoices, paidLate } = withoutLateMoney(seen, read)
  const unseen = await unseenPayments(scene, snapshot, invoices)
  const cases = await followCases(scene, snapshot, invoices)
  const opening = failedInvoices(snapshot, invoices).filter(
    (failed) => !cases.some(({ invoiceId }) => invoiceId === failed.invoiceId),
  )
  const unpaid = owedBy(cases)
  unpaid.openCases += opening.length
  const graceEnded = cases.some((found) => isUnresolved(found) && found.graceEnded)

  let recorded = scene.subscription
  const before = scene.subscription && toKnown(scene.subscription, unpaid)
  for (const look of paymentByPayment(snapshot, unseen, before)) {
    recorded = await takeSteps({ ...scene, subscription: recorded }, look, { unpaid, graceEnded })
    if (before?.paidInvoiceId !== undefined && before.paidInvoiceId === snapshot.latestInvoice?.invoiceId)
      recorded = await rememberPaid(scene, recorded, before.paidInvoiceId)
  }
  if (recorded && recorded.subscription.status === 'past_due')
    for (const invoice of opening)
      cases.push(await openCase({ ...scene, subscription: recorded }, recorded, invoice))
  return describe(scene, { recorded, cases, snapshot, paidLate })
}

/** Money that came in after the end is no renewal and no recovery: it has a way of its own, which leads back. */
function withoutLateMoney(
  seen: SubscriptionSnapshot,
  read: InvoiceSnapshot[],
): { snapshot: SubscriptionSnapshot; invoices: InvoiceSnapshot[]; paidLate: string[] } {
  const endedAt = seen.status === 'canceled' ? seen.endedAt : undefined
  const isLate = (invoice: InvoiceSnapshot) => isPaidAfterEnd(invoice, endedAt)
  const { latestInvoice, ...rest } = seen
  return {
    snapshot: latestInvoice && isLate(latestInvoice) ? rest : seen,
    invoices: read.filter((invoice) => !isLate(invoice)),
    paidLate: read.filter(isLate).map(({ invoiceId }) => invoiceId),
  }
}

/** Money beside the latest invoice that no look has shown yet. What a case collects for a period that is over is told by it. */
async function unseenPayments(
  scene: Scene,
  snapshot: SubscriptionSnapshot,
  invoices: InvoiceSnapshot[],
): Promise<InvoiceSnapshot[]> {
  const begunAt = scene.subscription?.subscription.currentPeriodStart.getTime() ?? 0
  const unseen: InvoiceSnapshot[] = []
  for (const invoice of paidBesideLatest(snapshot, invoices)) {
    const hasCase = scene.cases.some(({ invoiceId }) => invoiceId === invoice.invoiceId)
    const isOfPast = (invoice.period?.start ?? 0) < begunAt
    if (!(hasCase && isOfPast) && !(await isEntered(scene, invoice))) unseen.push(invoice)
  }
  return unseen
}

/** An invoice that was hidden does not take the place of the latest one, which would be told again. */
async function rememberPaid(
  { transaction }: Scene,
  recorded: SubscriptionWithPlan | undefined,
  paidInvoiceId: string,
): Promise<SubscriptionWithPlan | undefined> {
  if (!recorded || recorded.subscription.paidInvoiceId === paidInvoiceId) return recorded
  const subscription = await updateSubscription(transaction, recorded.subscription, { paidInvoiceId })
  return { ...recorded, subscription }
}

/** Writes step after step, until the rows say what the look has shown. */
async function takeSteps(
  scene: Scene,
  snapshot: SubscriptionSnapshot,
  { unpaid, graceEnded }: { unpaid: ReturnType<typeof owedBy>; graceEnded: boolean },
): Promise<SubscriptionWithPlan | undefined> {
  let recorded = scene.subscription
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const known = recorded ? toKnown(recorded, unpaid) : soldSubscription(termsSold(scene))
    const now = { ...scene, subscription: recorded }
    const plan = await planSeen(now, known, snapshot)
    const decision = decideSubscription(known, { ...snapshot, plan, graceEnded })
    if (!decision) return recorded
    recorded = await writeStep(now, { decision, snapshot, plan, graceEnded })
  }
  throw new Error(`the decisions on subscription ${scene.subject.subscriptionId} do not come to an end`)
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
    const isNews = isUnresolved(found) && (!(hasEnded || hasPaused(found)) || invoice?.status === 'paid')
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

/** Its subscription was paused, as its policy says. */
const hasPaused = ({ status, policy, endActionAt }: DunningCaseRow) =>
  status === 'exhausted' && policy.onExhausted === 'pause' && endActionAt !== null

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

function describe(
  { customer, at }: Scene,
  {
    recorded,
    cases,
    snapshot,
    paidLate,
  }: {
    recorded: SubscriptionWithPlan | undefined
    cases: DunningCaseRow[]
    snapshot: SubscriptionSnapshot
    paidLate: string[]
  },
): Followed {
  const open = cases.filter(isOpen)
  const exhausted = cases.find(
    ({ status, endActionAt, policy }) =>
      status === 'exhausted' && endActionAt === null && policy.onExhausted !== 'leave_past_due',
  )
  return {
    ...(recorded && { known: toKnown(recorded, owedBy(cases)) }),
    owes: owesMoney(snapshot),
    // Stripe gives up on a first payment within a day; then there is nothing to look after.
    neverStarted: recorded === undefined && snapshot.status === 'incomplete_expired',
    openCases: open.map(({ invoiceId }) => invoiceId),
    ...(open.length > 0 && { amountsDue: Object.fromEntries(open.map((one) => [one.invoiceId, owed(one)])) }),
    ...(exhausted && {
      exhausted: {
        invoiceId: exhausted.invoiceId,
        action: exhausted.policy.onExhausted === 'pause' ? 'pause' : 'cancel',
      },
    }),
    toVoid: [
      ...new Set([
        ...cases
          .filter(({ status, endActionAt }) => status === 'canceled' && endActionAt === null)
          .map(({ invoiceId }) => invoiceId),
        ...paidLate,
      ]),
    ],
    ...(customer.clockId !== null && { clockNow: at.getTime() }),
  }
}
