import { inProject } from '../db/client.ts'
import { type DunningAttemptRow, insertAttempt, listAttempts, readCase, updateCase } from '../db/dunning.ts'
import { judgeDecline } from '../domain/decline-codes.ts'
import { type AttemptTrigger, nextRetryAtOf } from '../domain/dunning.ts'
import { BillingError } from '../domain/errors.ts'
import type { ChargeAnswer, PaymentMethod } from '../domain/provider.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { recordAttempt, retryScheduled } from './dunning-cases.ts'
import { type CaseView, viewCase } from './dunning-steps.ts'
import { runEffect } from './effect.ts'
import { createFollowSubscription, type Followed } from './follow-subscription.ts'
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
  const follow = createFollowSubscription(dependencies)

  return async function attemptPayment(input: AttemptInput): Promise<AttemptResult> {
    const { invoiceId, intent, trigger, retriesDone, paymentMethodId, cause, ...subject } = input
    // Stripe first: somebody may have paid, or the subscription have ended, since we last looked.
    const before = await follow({ ...subject, invoiceId })
    const customerId = await inProject(database, subject.projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      if (retriesDone !== undefined) await useUpRetries(scene, invoiceId, retriesDone)
      return scene.customer.stripeCustomerId
    })
    const cards = customerId
      ? await provider.listPaymentMethods({
          providerCustomerId: customerId,
          providerSubscriptionId: subject.stripeSubscriptionId,
        })
      : []

    let last: ChargeAnswer | undefined
    for (const card of cards) {
      if (paymentMethodId !== undefined && card.paymentMethodId !== paymentMethodId) continue
      const attempt = await claim(input, card)
      if (attempt === 'closed') break
      if (attempt === 'not_this_card') continue
      last = answerOf(attempt) ?? (await charge(input, attempt, card))
      if (last.outcome === 'succeeded') break
    }
    const followed = last ? await follow({ ...subject, invoiceId, cause }) : before
    const view = await inProject(database, subject.projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      return viewCase(scene, await readCase(transaction, subject.projectId, invoiceId))
    })
    return {
      view,
      outcome: last?.outcome ?? 'not_charged',
      ...(last && last.outcome !== 'succeeded' && last.declineCode && { declineCode: last.declineCode }),
      followed,
    }
  }

  /** Writes that a card is about to be charged, if it may be. */
  function claim(
    { invoiceId, intent, trigger, paymentMethodId: asked, cause, ...subject }: AttemptInput,
    { paymentMethodId }: PaymentMethod,
  ): Promise<DunningAttemptRow | 'closed' | 'not_this_card'> {
    const { projectId } = subject
    return inProject(database, projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      const found = await readCase(transaction, projectId, invoiceId)
      const attempts = await listAttempts(transaction, projectId, [invoiceId])
      const own = `${intent}/${paymentMethodId}`
      // Repeated after a crash: it goes on with the very same charge, whatever was decided since it began.
      const begun = attempts.find((attempt) => attempt.intent === own)
      if (begun) return begun
      if (attempts.some(({ outcome }) => outcome === null))
        throw new BillingError('attempt_under_way', { retryAfterSeconds: 1 })
      const isClosing = (scene.subscription?.subscription.closingAt ?? null) !== null
      if (found.status !== 'open' || isClosing) return 'closed'
      // A person who names a card knows better; by ourselves we never go against the bank.
      if (asked === undefined && isRefused(attempts, paymentMethodId)) return 'not_this_card'
      return insertAttempt(transaction, {
        projectId,
        invoiceId,
        intent: own,
        trigger,
        paymentMethodId,
        startedAt: scene.at,
        requestedBy: trigger === 'operator' ? cause.by : null,
        reason: cause.why ?? null,
      })
    })
  }

  async function charge(
    { invoiceId, trigger, cause, ...input }: AttemptInput,
    attempt: DunningAttemptRow,
    card: PaymentMethod,
  ): Promise<ChargeAnswer> {
    const { projectId, stripeSubscriptionId } = input
    const { paymentMethodId } = card
    const answer = await runEffect<ChargeAnswer>({
      database,
      effect: { projectId, intent: `${invoiceId}/charge/${attempt.ordinal}` },
      now: now(),
      lookUp: () => lookUpCharge(invoiceId, attempt, paymentMethodId),
      call: (effectKey) => provider.payInvoice({ invoiceId, paymentMethodId }, effectKey),
    })
    await inProject(database, projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject: input, cause, now: now() })
      await recordAttempt(scene, await readCase(transaction, projectId, invoiceId), attempt, answer)
    })
    // The card that the customer brought for it is the one they want to be charged from now on.
    if (answer.outcome === 'succeeded' && trigger === 'new_card' && !card.isDefault)
      await provider.chargeRenewalsTo({ providerSubscriptionId: stripeSubscriptionId, paymentMethodId })
    return answer
  }

  /** What became of a charge whose answer is gone for good: an invoice that is paid, or a declined try nobody has claimed. */
  async function lookUpCharge(
    invoiceId: string,
    attempt: DunningAttemptRow,
    paymentMethodId: string,
  ): Promise<ChargeAnswer | undefined> {
    const invoice = await provider.readInvoice(invoiceId)
    if (invoice.status === 'paid') return { outcome: 'succeeded' }
    // Nobody can pay it any more, so nothing was charged.
    if (invoice.status !== 'open') return { outcome: 'declined', declineCode: `invoice_${invoice.status}` }
    const known = await inProject(database, attempt.projectId, (transaction) =>
      listAttempts(transaction, attempt.projectId, [invoiceId]),
    )
    const declined = invoice.attempts?.find(
      (one) =>
        one.outcome === 'failed' &&
        one.paymentMethodId === paymentMethodId &&
        one.attemptedAt >= attempt.startedAt.getTime() &&
        !known.some(({ stripeChargeId }) => stripeChargeId === one.stripeChargeId),
    )
    return (
      declined && {
        outcome: 'declined',
        chargeId: declined.stripeChargeId,
        ...(declined.declineCode && { declineCode: declined.declineCode }),
        ...(declined.adviceCode && { adviceCode: declined.adviceCode }),
      }
    )
  }
}

/** Scheduled retries that fell due are used up before they are tried: a crash can make one late, never one too many. */
async function useUpRetries(scene: Scene, invoiceId: string, retriesDone: number): Promise<void> {
  const { transaction, subject } = scene
  const found = await readCase(transaction, subject.projectId, invoiceId)
  if (found.status !== 'open' || found.retriesDone >= retriesDone) return
  const progress = { failedAt: found.failedAt.getTime(), policy: found.policy, retriesDone }
  const next = nextRetryAtOf(progress)
  const updated = await updateCase(transaction, found, {
    retriesDone,
    nextRetryAt: next === undefined ? null : new Date(next),
  })
  const { subscription } = scene
  if (!subscription) return
  await tell(scene, {
    intent: `${invoiceId}/retry/${retriesDone}`,
    action: 'dunning.retry',
    why: `Retry ${retriesDone} of ${found.policy.retries.length} was due.`,
    occurredAt: scene.at,
    stripeIds: [invoiceId],
    policyVersion: found.policyVersion,
    events: retryScheduled(updated, subscription),
  })
}

/** Whether the bank has said that this card cannot pay, or not without the customer. */
function isRefused(attempts: DunningAttemptRow[], paymentMethodId: string): boolean {
  return attempts
    .filter((attempt) => attempt.paymentMethodId === paymentMethodId && attempt.outcome !== 'succeeded')
    .some(
      ({ outcome, declineCode, adviceCode }) =>
        outcome === 'needs_customer' ||
        judgeDecline({
          ...(declineCode !== null && { declineCode }),
          ...(adviceCode !== null && { adviceCode }),
        }) !== 'retry_later',
    )
}

/** What was answered to an attempt that an earlier run of this activity has finished. */
function answerOf({ outcome, declineCode }: DunningAttemptRow): ChargeAnswer | undefined {
  if (outcome === null || outcome === 'not_charged') return undefined
  return outcome === 'succeeded' ? { outcome } : { outcome, ...(declineCode !== null && { declineCode }) }
}
