import type { ErrorCode } from './errors.ts'
import { hasPeriodEnded, type KnownSubscription } from './subscription.ts'
import { isInReach, TIMES_IN_REACH } from './times.ts'

/** What people may ask a running subscription to do, and when it is refused. */

export const commandKinds = ['changePlan', 'cancel', 'resume', 'pause', 'retryPayment'] as const
export type CommandKind = (typeof commandKinds)[number]

export interface ChangePlanRequest {
  planId: string
  when: 'now' | 'period_end'
  quantity?: number
}
export interface CancelRequest {
  at: 'now' | 'period_end'
  /** Ended because money has gone back already: the policy for what is unused does not apply. */
  keepsMoney?: boolean
}
export interface PauseRequest {
  /** Milliseconds since 1970; until somebody resumes it when left out. */
  until?: number
}

export type SubscriptionCommand =
  | ({ kind: 'changePlan' } & ChangePlanRequest)
  | ({ kind: 'cancel' } & CancelRequest)
  | { kind: 'resume' }
  | ({ kind: 'pause' } & PauseRequest)
  | { kind: 'retryPayment' }

export interface CommandRefusal {
  code: ErrorCode
  /** Why, and what may be done instead. */
  detail: string
  facts?: Record<string, string | number>
}

const refuse = (code: ErrorCode, detail: string): CommandRefusal => ({ code, detail })

/** Also the answer while Stripe has an invoice of the renewal that is not paid. */
export const renewalUnderWay = refuse(
  'renewal_under_way',
  'Its renewal is under way. Try again in an hour, when it is paid.',
)

/** Why a command cannot be carried out on a subscription as it is known; `undefined` when it can. Asked twice: of what a
 *  workflow remembers before it accepts the command, and of the row before Stripe is told. */
export function refusalOf(
  command: SubscriptionCommand,
  known: KnownSubscription | undefined,
  now: number,
): CommandRefusal | undefined {
  if (!known || known.status === 'incomplete')
    return refuse(
      'subscription_not_started',
      'Its first payment has not arrived yet. Try again when it is active.',
    )
  if (known.status === 'canceled')
    return refuse('subscription_ended', 'It has ended. To come back, start a new checkout.')
  switch (command.kind) {
    case 'changePlan':
      return refusalOfChange(command, known, now)
    case 'cancel':
      return command.at === 'period_end' && known.cancelAtPeriodEnd
        ? refuse(
            'already_canceling',
            'It already ends with its period. Cancel now, or resume it to undo the cancellation.',
          )
        : undefined
    case 'resume':
      return known.status === 'paused' || known.cancelAtPeriodEnd
        ? undefined
        : refuse('nothing_to_resume', 'It is neither paused nor about to end: there is nothing to resume.')
    case 'pause':
      return refusalOfPause(command, known, now)
    case 'retryPayment':
      if (known.openCases > 0) return undefined
      return refuse(
        'nothing_to_collect',
        known.leftUnpaid
          ? `Every retry of ${known.leftUnpaid.join(', ')} has failed. The customer can still pay by hand, or the subscription can be canceled.`
          : 'No invoice of it is unpaid: there is nothing to retry.',
      )
  }
}

function refusalOfChange(
  { planId, when, quantity }: ChangePlanRequest,
  known: KnownSubscription,
  now: number,
): CommandRefusal | undefined {
  if (known.status === 'past_due')
    return refuse(
      'subscription_past_due',
      'An invoice of it is unpaid. Pay it first (a new card, or retry-payment), then change the plan.',
    )
  if (known.status === 'paused')
    return refuse('subscription_paused', 'It is paused. Resume it first, then change the plan.')
  if (known.cancelAtPeriodEnd && when === 'period_end')
    return refuse(
      'subscription_ending',
      'It ends with its period, so nothing follows that could be changed. Resume it first, or change it now.',
    )
  const isSame = planId === known.planId && (quantity ?? known.quantity) === known.quantity
  if (isSame && !known.pendingChange)
    return refuse('same_plan', 'It is on this plan already, in this quantity. Name another plan or quantity.')
  // The invoice of a change would come after that of the renewal, and hide it: Stripe shows the latest alone.
  return hasPeriodEnded(known, now) ? renewalUnderWay : undefined
}

function refusalOfPause(
  { until }: PauseRequest,
  known: KnownSubscription,
  now: number,
): CommandRefusal | undefined {
  if (known.status === 'paused')
    return refuse('already_paused', 'It is paused already. Resume it first to pause it until another date.')
  if (known.status === 'past_due')
    return refuse(
      'subscription_past_due',
      'An invoice of it is unpaid. Pay it first (a new card, or retry-payment), or cancel it.',
    )
  if (known.status === 'trialing')
    return refuse(
      'subscription_trialing',
      'It is on trial, which costs nothing. Pause it after the trial, or cancel it.',
    )
  if (known.cancelAtPeriodEnd)
    return refuse(
      'subscription_ending',
      'It ends with its period. Resume it first to undo that, then pause it.',
    )
  if (until !== undefined && !isInReach(until))
    return refuse(
      'invalid_request',
      `"until" must be a time ${TIMES_IN_REACH}. Name such a time, or leave it out.`,
    )
  if (until !== undefined && until <= now)
    return refuse('invalid_request', '"until" lies in the past. Name a later time, or leave it out.')
  return hasPeriodEnded(known, now) ? renewalUnderWay : undefined
}
