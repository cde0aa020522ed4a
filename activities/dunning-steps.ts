import { inProject } from '../db/client.ts'
import { type DunningCaseRow, listAttempts, progressOf, readCase, updateCase } from '../db/dunning.ts'
import { once } from '../db/once.ts'
import { listSubscriptions, type SubscriptionWithPlan, updateSubscription } from '../db/subscriptions.ts'
import { describeDecline } from '../domain/decline-codes.ts'
import { type DunningProgress, type DunningStatus, nextRetryAtOf } from '../domain/dunning.ts'
import type { Money } from '../domain/money.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { endCase } from './dunning-cases.ts'
import { noticeOfFailure, notice, owed, retryScheduled } from './dunning-events.ts'
import { createFollowSubscription } from './follow-subscription.ts'
import { isOutOfCards } from './refused-cards.ts'
import { type Cause, openScene, type Scene, type Subject, tell, wakeOnClock } from './scene.ts'
import { roleEvents, rolesOf } from './subscription-events.ts'
import { subscriptionData } from '../db/subscriptions.ts'
import { subscriptionWorkflowId } from '../workflows/ids.ts'

/** How a case stands, as far as its workflow must know. */
export interface CaseView extends DunningProgress {
  status: DunningStatus
  policyVersion: number
  amountDue: Money
  /** In words, of the last try to collect. */
  lastDecline?: string
  /** Stripe meant to retry by itself as well, which its account settings should rule out. */
  stripeRetries: boolean
  /** The time of the customer's test clock. */
  clockNow?: number
}

export interface CaseInput extends Subject {
  invoiceId: string
  cause?: Cause
}

export interface LookedAtCase extends CaseView {
  /** A card that nobody has tried since the renewal failed: it is charged at once. */
  newCard?: string
}

/** Looks at Stripe on behalf of a case: whether its invoice is paid or void by now, and whether the customer has brought
 *  another card. The first look takes the invoice over from Stripe's own retries. */
export function createLookAtCase(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const follow = createFollowSubscription(dependencies)
  return async function lookAtCase(input: CaseInput): Promise<LookedAtCase> {
    const { invoiceId, cause = { by: 'stripe' }, ...subject } = input
    const { projectId } = subject
    await follow({ ...subject, invoiceId, cause })
    const { found, customerId } = await inProject(database, projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      const found = await readCase(transaction, projectId, invoiceId)
      return { found, customerId: scene.customer.stripeCustomerId }
    })
    const cards =
      found.status === 'open' && customerId
        ? await provider.listPaymentMethods({
            providerCustomerId: customerId,
            providerSubscriptionId: subject.stripeSubscriptionId,
          })
        : []
    const knownCards = found.knownCards ?? cards.map(({ paymentMethodId }) => paymentMethodId)
    if (found.status === 'open' && found.takenOverAt === null) {
      await provider.takeOverInvoice(invoiceId)
      await inProject(database, projectId, async (transaction) => {
        await updateCase(transaction, found, { takenOverAt: now(), knownCards })
      })
    }
    return inProject(database, projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      const view = await viewCase(scene, await readCase(transaction, projectId, invoiceId))
      const tried = new Set(
        (await listAttempts(transaction, projectId, [invoiceId])).map((attempt) => attempt.paymentMethodId),
      )
      // What needs the customer's bank leaves no failed charge: the renewal was for the card that came first.
      if (tried.size === 0) tried.add(knownCards[0] ?? null)
      // One that was added since, or that was made the one to charge.
      const newCard = cards.find(
        ({ paymentMethodId, isDefault }) =>
          !tried.has(paymentMethodId) && (isDefault || !knownCards.includes(paymentMethodId)),
      )
      return { ...view, ...(newCard && { newCard: newCard.paymentMethodId }) }
    })
  }
}

export type DunningStepToRecord =
  | { kind: 'notice'; retry: number }
  | { kind: 'end_grace' }
  | { kind: 'exhaust' }
  /** An operator goes on without what was due next. */
  | { kind: 'skip_retry'; retry: number }
  | { kind: 'skip_notice'; retry: number }

export interface RecordDunningStepInput extends CaseInput {
  step: DunningStepToRecord
  /** Names what an operator decided. It is done once, though a reset has the workflow decide on it again, when it would fall
   *  on the step after. */
  decisionId?: string
}

/** Writes a step of a case that needs no charge. A case that has ended meanwhile stays as it is. */
export function createRecordDunningStep({ database, now }: ActivityDependencies) {
  return function recordDunningStep(input: RecordDunningStepInput): Promise<CaseView> {
    const { invoiceId, step, decisionId, cause = { by: 'quittance' }, ...subject } = input
    return inProject(database, subject.projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      const found = await readCase(transaction, subject.projectId, invoiceId)
      const { subscription } = scene
      if (found.status !== 'open' || !subscription) return viewCase(scene, found)
      if (decisionId !== undefined && !(await isFirst(scene, `${invoiceId}/decision/${decisionId}`)))
        return viewCase(scene, found)
      return viewCase(scene, await writeStep(scene, { found, subscription, step }))
    })
  }
}

function isFirst({ transaction, subject }: Scene, intent: string): Promise<boolean> {
  return once(transaction, { projectId: subject.projectId, intent }, () => Promise.resolve())
}

interface Writing {
  found: DunningCaseRow
  subscription: SubscriptionWithPlan
  step: DunningStepToRecord
}

function writeStep(scene: Scene, writing: Writing): Promise<DunningCaseRow> {
  const { found, step } = writing
  switch (step.kind) {
    case 'notice':
    case 'skip_notice':
      return writeNotice(scene, { ...writing, step })
    case 'skip_retry':
      return writeSkippedRetry(scene, { ...writing, step })
    case 'end_grace':
      return endGrace(scene, writing)
    case 'exhaust':
      return exhaust(scene, found, writing.subscription)
  }
}

async function writeNotice(
  scene: Scene,
  {
    found,
    subscription,
    step: { kind, retry },
  }: Writing & { step: { kind: 'notice' | 'skip_notice'; retry: number } },
): Promise<DunningCaseRow> {
  if (found.retriesNoticed >= retry) return found
  const updated = await updateCase(scene.transaction, found, { retriesNoticed: retry })
  const isSkipped = kind === 'skip_notice'
  const attempts = await listAttempts(scene.transaction, found.projectId, [found.invoiceId])
  // Where no card may be charged there is nothing to announce: the customer is asked again for what can mend it.
  const needsCustomer = attempts.at(-1)?.outcome === 'needs_customer'
  const said = isOutOfCards(found, attempts)
    ? noticeOfFailure(
        updated,
        subscription,
        needsCustomer ? 'authentication_required' : 'no_payment_method',
        attempts,
      )
    : notice('retry_upcoming', updated, subscription, { attempts })
  await tell(scene, {
    intent: `${found.invoiceId}/notice/${retry}`,
    action: isSkipped ? 'dunning.notice_skipped' : 'dunning.notice',
    why: `The customer is told that retry ${retry} of ${found.policy.retries.length} is near.`,
    occurredAt: scene.at,
    stripeIds: [found.invoiceId],
    policyVersion: found.policyVersion,
    events: isSkipped ? [] : [said],
  })
  return updated
}

async function writeSkippedRetry(
  scene: Scene,
  { found, subscription, step: { retry } }: Writing & { step: { kind: 'skip_retry'; retry: number } },
): Promise<DunningCaseRow> {
  if (found.retriesDone >= retry) return found
  const next = nextRetryAtOf({ ...progressOf(found), retriesDone: retry })
  const updated = await updateCase(scene.transaction, found, {
    retriesDone: retry,
    retriesNoticed: Math.max(found.retriesNoticed, retry),
    nextRetryAt: next === undefined ? null : new Date(next),
  })
  await tell(scene, {
    intent: `${found.invoiceId}/skip/${retry}`,
    action: 'dunning.retry_skipped',
    why: `Retry ${retry} was skipped.`,
    occurredAt: scene.at,
    stripeIds: [found.invoiceId],
    policyVersion: found.policyVersion,
    events: retryScheduled(updated, subscription),
  })
  return updated
}

/** Access ends although retries go on, or after the last one where the policy leaves the subscription as it is. */
export async function endGrace(
  scene: Scene,
  { found, subscription }: Pick<Writing, 'found' | 'subscription'>,
): Promise<DunningCaseRow> {
  if (found.graceEnded) return found
  const { transaction, payment, subject } = scene
  const updated = await updateCase(transaction, found, { graceEnded: true })
  const all = await listSubscriptions(transaction, subject.projectId, payment.userId, payment.livemode)
  const ended = {
    plan: subscription.plan,
    subscription: await updateSubscription(transaction, subscription.subscription, { graceEnded: true }),
  }
  const others = all.filter((other) => other.subscription.subscriptionId !== subject.subscriptionId)
  await tell(scene, {
    intent: `${found.invoiceId}/end-grace`,
    action: 'dunning.grace_ended',
    why: 'The grace is over and nothing was paid: access ends.',
    occurredAt: scene.at,
    stripeIds: [found.invoiceId],
    policyVersion: found.policyVersion,
    events: [
      { type: 'subscription.updated', subject: subject.subscriptionId, data: subscriptionData(ended) },
      ...roleEvents(ended, rolesOf(all), rolesOf([...others, ended])),
    ],
  })
  await wakeOnClock(scene, [subscriptionWorkflowId(subject.subscriptionId)])
  return updated
}

async function exhaust(
  scene: Scene,
  found: DunningCaseRow,
  subscription: SubscriptionWithPlan,
): Promise<DunningCaseRow> {
  const leaves = found.policy.onExhausted === 'leave_past_due'
  if (leaves) await endGrace(scene, { found, subscription })
  const ended = await endCase(scene, found, 'exhausted', {
    at: scene.at,
    why: 'Every scheduled retry has failed.',
  })
  return leaves ? updateCase(scene.transaction, ended, { endActionAt: scene.at }) : ended
}

export async function viewCase(scene: Scene, found: DunningCaseRow): Promise<CaseView> {
  const attempts = await listAttempts(scene.transaction, found.projectId, [found.invoiceId])
  const last = attempts.findLast(({ outcome }) => outcome === 'declined' || outcome === 'needs_customer')
  return {
    ...progressOf(found),
    status: found.status,
    policyVersion: found.policyVersion,
    amountDue: owed(found),
    stripeRetries: found.stripeNextAttemptAt !== null,
    ...(last && { lastDecline: describeDecline(last.declineCode ?? undefined) }),
    ...(scene.customer.clockId !== null && { clockNow: scene.at.getTime() }),
  }
}
