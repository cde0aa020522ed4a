import { inProject } from '../db/client.ts'
import { type DunningAttemptRow, insertAttempt, listAttempts, readCase } from '../db/dunning.ts'
import { judgeDecline } from '../domain/decline-codes.ts'
import type { AttemptTrigger } from '../domain/dunning.ts'
import { BillingError } from '../domain/errors.ts'
import type { ChargeAnswer, PaymentMethod } from '../domain/provider.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { recordAttempt } from './dunning-cases.ts'
import { runEffect } from './effect.ts'
import { isRefused } from './refused-cards.ts'
import { type Cause, openScene, type Subject } from './scene.ts'

/** One charge of an unpaid invoice to one card. */

export interface Charge {
  subject: Subject
  invoiceId: string
  /** Names the try that it belongs to: `schedule/2`, `new_card/pm_…`, `operator/{update id}`. */
  intent: string
  trigger: AttemptTrigger
  /** Whether somebody named this card, rather than our taking it because it is next. */
  isAskedFor: boolean
  cause: Cause
}

export type Charged = ChargeAnswer | { outcome: 'not_charged'; declineCode?: string }

/** When the workflow that began a charge has not finished it by then, it never will: it was terminated, or an operator went on
 *  without it. Far beyond every timeout of a call. */
const ABANDONED_MS = 10 * 60_000

export function createCharging(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies

  return {
    /** Writes that a card is about to be charged, if it may be.
     *  @throws BillingError `attempt_under_way` while another charge of this invoice has not been answered. */
    claim(
      { subject, invoiceId, intent, trigger, isAskedFor, cause }: Charge,
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
        if (attempts.some(isUnderWay)) throw new BillingError('attempt_under_way', { retryAfterSeconds: 1 })
        const isClosing = (scene.subscription?.subscription.closingAt ?? null) !== null
        // Paid, though the look that ends the case is still to come.
        const isPaid = attempts.some(({ outcome }) => outcome === 'succeeded')
        if (found.status !== 'open' || isClosing || isPaid) return 'closed'
        // A person who names a card knows better; by ourselves we never go against the bank.
        if (!isAskedFor && isRefused(attempts, paymentMethodId)) return 'not_this_card'
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
    },

    /** Charges the card once, however often it is run, and writes what Stripe answers. */
    async charge({ subject, invoiceId, cause }: Charge, attempt: DunningAttemptRow): Promise<Charged> {
      const { paymentMethodId } = attempt
      if (paymentMethodId === null) throw new Error(`attempt ${attempt.intent} names no card`)
      const answer = await answerOrRefusal(() =>
        runEffect<ChargeAnswer>({
          database,
          effect: { projectId: subject.projectId, intent: `${invoiceId}/charge/${attempt.ordinal}` },
          now: now(),
          lookUp: () => lookUpCharge(invoiceId, attempt),
          call: (effectKey) => provider.payInvoice({ invoiceId, paymentMethodId }, effectKey),
        }),
      )
      // Whoever asked for it did not ask for the decline.
      await write(subject, { by: cause.by }, attempt, answer)
      return answer
    },

    /** Finds out what became of charges that nobody will ask about any more, so that they stand in nobody's way. */
    async settleAbandoned(subject: Subject, invoiceIds: string[]): Promise<void> {
      const attempts = await inProject(database, subject.projectId, (transaction) =>
        listAttempts(transaction, subject.projectId, invoiceIds),
      )
      for (const attempt of attempts.filter(isUnderWay)) {
        if (now().getTime() - attempt.claimedAt.getTime() < ABANDONED_MS) continue
        const answer = await lookUpCharge(attempt.invoiceId, attempt)
        await write(subject, { by: 'quittance' }, attempt, answer ?? { outcome: 'not_charged' })
      }
    },
  }

  function write(subject: Subject, cause: Cause, attempt: DunningAttemptRow, answer: Charged): Promise<void> {
    const { projectId } = subject
    return inProject(database, projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause, now: now() })
      await recordAttempt(scene, await readCase(transaction, projectId, attempt.invoiceId), attempt, answer)
    })
  }

  /** What became of a charge whose answer is gone for good: an invoice that is paid, or a declined try nobody has claimed. */
  async function lookUpCharge(
    invoiceId: string,
    attempt: DunningAttemptRow,
  ): Promise<ChargeAnswer | undefined> {
    const invoice = await provider.readInvoice(invoiceId)
    if (invoice.status === 'paid') return { outcome: 'succeeded' }
    const known = await inProject(database, attempt.projectId, (transaction) =>
      listAttempts(transaction, attempt.projectId, [invoiceId]),
    )
    const declined = invoice.attempts?.find(
      (one) =>
        one.outcome === 'failed' &&
        one.paymentMethodId === attempt.paymentMethodId &&
        one.attemptedAt >= wholeSeconds(attempt.startedAt) &&
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

/** A request that Stripe refuses for good (the card is gone, the invoice is void) has charged nothing. */
async function answerOrRefusal(charge: () => Promise<ChargeAnswer>): Promise<Charged> {
  try {
    return await charge()
  } catch (error) {
    if (!(error instanceof BillingError) || error.retryable) throw error
    return { outcome: 'not_charged', declineCode: String(error.facts.provider_code ?? error.code) }
  }
}

/** What was answered to an attempt that an earlier run has finished; `undefined` while it is under way. */
export function answerOf({ outcome, declineCode }: DunningAttemptRow): Charged | undefined {
  if (outcome === null) return undefined
  return outcome === 'succeeded' ? { outcome } : { outcome, ...(declineCode !== null && { declineCode }) }
}

/** Whether the bank has said that the card will not pay, whenever it is tried. */
export function isRefusedForGood(charged: Charged): boolean {
  if (charged.outcome !== 'declined') return false
  const { declineCode, adviceCode } = charged
  return (
    judgeDecline({ ...(declineCode && { declineCode }), ...(adviceCode && { adviceCode }) }) === 'other_card'
  )
}

const isUnderWay = ({ outcome }: DunningAttemptRow) => outcome === null

/** Stripe tells whole seconds. */
const wholeSeconds = (at: Date) => Math.floor(at.getTime() / 1000) * 1000
