import { inProject } from '../db/client.ts'
import { type DunningCaseRow, listAttempts, progressOf, readCase, updateCase } from '../db/dunning.ts'
import { hasHappened, once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { type AttemptTrigger, nextRetryAtOf } from '../domain/dunning.ts'
import { answerOf, type Charge, type Charged, createCharging, isRefusedForGood } from './charging.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { retryScheduled } from './dunning-events.ts'
import { type CaseView, viewCase } from './dunning-steps.ts'
import { createFollowSubscription } from './follow-subscription.ts'
import type { Followed } from './record-look.ts'
import { type Cause, openScene, type Scene, type Subject, tell } from './scene.ts'

export interface AttemptInput extends Subject {
  invoiceId: string
  /** Names this attempt for ever: `schedule/2`, `new_card/pm_…`, `operator/{update id}`. Repeated, it charges nothing twice. */
  intent: string
  trigger: AttemptTrigger
  /** Which scheduled retries are used up by it. */
  retriesDone?: number
  /** The one card to charge; all that may be charged, in their order, when left out. */
  paymentMethodId?: string
  cause: Cause
}

export interface AttemptResult {
  /** `not_charged`: there was no card that may be charged, or nothing to collect any more. */
  outcome: 'succeeded' | 'declined' | 'needs_customer' | 'not_charged'
  declineCode?: string
  followed: Followed
  /** How the case stands now. */
  view: CaseView
}

/** Tries to collect an unpaid invoice, card after card, until one pays.
 *
 *  Each charge is a row before Stripe is asked, and only one can be under way: whoever else wants to charge or to end the
 *  subscription waits for its answer. So no two charges, and no charge and a cancellation, ever cross. */
export function createAttemptPayment(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const charging = createCharging(dependencies)
  const follow = createFollowSubscription(dependencies)

  return async function attemptPayment(input: AttemptInput): Promise<AttemptResult> {
    const { invoiceId, intent, trigger, retriesDone, paymentMethodId, cause: asked, ...subject } = input
    // Why it was asked for is told with the asking. What came of it has reasons of its own.
    const { why: _why, ...cause } = asked
    // Stripe first: somebody may have paid, or the subscription have ended, since we last looked.
    const before = await follow({ ...subject, invoiceId })
    const finished = { projectId: subject.projectId, intent: `${invoiceId}/${intent}/finished` }
    const { customerId, tried } = await inProject(database, subject.projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause: asked, now: now() })
      const found = await readCase(transaction, subject.projectId, invoiceId)
      if (found.status === 'open' && retriesDone !== undefined) await useUpRetries(scene, found, retriesDone)
      if (found.status === 'open' && trigger !== 'schedule')
        await tellTry(scene, found, {
          intent: `${intent}/asked`,
          action: trigger === 'new_card' ? 'dunning.new_card' : 'dunning.retry',
          why: 'A retry was asked for.',
        })
      return {
        customerId: scene.customer.stripeCustomerId,
        // A reset has the workflow try again what was tried to the end: cards that came since are no part of it.
        tried: (await hasHappened(transaction, finished))
          ? await listAttempts(transaction, subject.projectId, [invoiceId])
          : undefined,
      }
    })
    const cards =
      customerId && !tried
        ? await provider.listPaymentMethods({
            providerCustomerId: customerId,
            providerSubscriptionId: subject.stripeSubscriptionId,
          })
        : []

    const isAskedFor = paymentMethodId !== undefined
    const charge: Charge = { subject, invoiceId, intent, trigger, isAskedFor, cause: asked }
    await charging.settleAbandoned(subject, [invoiceId])
    const triedLast = tried?.findLast((attempt) => attempt.intent.startsWith(`${intent}/`))
    let last: Charged | undefined = triedLast && answerOf(triedLast)
    let isFirstRefused = false
    for (const card of cards) {
      if (isAskedFor && card.paymentMethodId !== paymentMethodId) continue
      const attempt = await charging.claim(charge, card)
      if (attempt === 'closed') break
      if (attempt === 'not_this_card') {
        isFirstRefused ||= card.isDefault
        continue
      }
      last = answerOf(attempt) ?? (await charging.charge(charge, attempt))
      if (last.outcome !== 'succeeded') {
        isFirstRefused ||= card.isDefault && isRefusedForGood(last)
        continue
      }
      // The card that the customer brought for it is the one they want to be charged from now on. A backup takes the place of
      // a card that the bank has refused for good, or each renewal to come would fail first.
      if (!card.isDefault && (trigger === 'new_card' || isFirstRefused))
        await provider.chargeRenewalsTo({
          providerSubscriptionId: subject.stripeSubscriptionId,
          paymentMethodId: card.paymentMethodId,
        })
      break
    }
    const followed = last ? await follow({ ...subject, invoiceId, cause }) : before
    const view = await inProject(database, subject.projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      const found = await readCase(transaction, subject.projectId, invoiceId)
      await once(transaction, finished, async () => {
        if (trigger === 'schedule' && last?.outcome !== 'succeeded') await tellNextRetry(scene, found, intent)
      })
      return viewCase(scene, found)
    })
    return {
      view,
      outcome: last?.outcome ?? 'not_charged',
      ...(last && last.outcome !== 'succeeded' && last.declineCode && { declineCode: last.declineCode }),
      followed,
    }
  }
}

/** Scheduled retries that fell due are used up before they are tried: a crash can make one late, never one too many. */
async function useUpRetries(scene: Scene, found: DunningCaseRow, retriesDone: number): Promise<void> {
  if (found.retriesDone >= retriesDone) return
  const next = nextRetryAtOf({ ...progressOf(found), retriesDone })
  await updateCase(scene.transaction, found, {
    retriesDone,
    nextRetryAt: next === undefined ? null : new Date(next),
  })
  await tellTry(scene, found, {
    intent: `retry/${retriesDone}`,
    action: 'dunning.retry',
    why: `Retry ${retriesDone} of ${found.policy.retries.length} was due.`,
  })
}

/** That it is tried now, and why. What came of it is told by itself. */
async function tellTry(
  scene: Scene,
  { invoiceId, policyVersion }: DunningCaseRow,
  { intent, action, why }: { intent: string; action: 'dunning.retry' | 'dunning.new_card'; why: string },
): Promise<void> {
  await tell(scene, {
    intent: `${invoiceId}/${intent}`,
    action,
    why,
    occurredAt: scene.at,
    stripeIds: [invoiceId],
    policyVersion,
    events: [],
  })
}

/** The schedule goes on: told after the outcome, since a retry that pays has none after it. */
async function tellNextRetry(scene: Scene, found: DunningCaseRow, intent: string): Promise<void> {
  const { transaction, payment, subscription, at } = scene
  if (found.status !== 'open' || !subscription || subscription.subscription.closingAt !== null) return
  const { projectId, userId, correlationId } = payment
  await appendEvents(
    transaction,
    { projectId, userId, correlationId, intent: `${found.invoiceId}/${intent}/next`, occurredAt: at },
    retryScheduled(found, subscription),
  )
}
