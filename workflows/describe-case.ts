import type { CaseView } from '../activities/dunning-steps.ts'
import { type DunningStatus, type DunningStep, nextDunningStep } from '../domain/dunning.ts'
import { describeMoney } from '../domain/money.ts'
import { describeTime } from './clock.ts'

/** The words of a case, for operators. */

/** `retry 2 of 3`, for the query `state` and for the details. */
export function describeStep(step: DunningStep, { policy }: CaseView): string {
  const retries = policy.retries.length
  switch (step.kind) {
    case 'notice':
      return `the notice before retry ${step.retry} of ${retries}`
    case 'retry':
      return `retry ${step.retry} of ${retries}`
    case 'end_grace':
      return 'the end of the grace'
    case 'exhaust':
      return 'the end of the case'
  }
}

/** What operators read at the timer, as the thing that will be done. */
export function describeTimer(step: DunningStep, view: CaseView): string {
  switch (step.kind) {
    case 'notice': {
      const retry = retryAfter(step, view)
      return `Tell the customer of ${describeStep(retry, view)}, due ${describeTime(retry.at)}`
    }
    case 'retry':
      return `Charge again: ${describeStep(step, view)}`
    case 'end_grace':
      return 'End access: the grace is over'
    case 'exhaust':
      return 'End the case: every retry has been made'
  }
}

/** The retry that a notice is about. */
const retryAfter = (step: DunningStep, view: CaseView): DunningStep =>
  step.kind === 'notice' ? nextDunningStep({ ...view, retriesNoticed: step.retry }, step.at) : step

export function describeCase(step: DunningStep, view: CaseView): string {
  const { lastDecline, amountDue } = view
  const retryStep = retryAfter(step, view)
  const decline = lastDecline ? `, last decline ${lastDecline}` : ''
  const what = describeStep(retryStep, view)
  return [
    `**${what[0]?.toUpperCase()}${what.slice(1)} on ${describeTime(retryStep.at)}${decline}.**`,
    `Unpaid: ${describeMoney(amountDue)}.`,
    ...(view.stripeRetries
      ? [
          'Stripe meant to retry this invoice by itself. That is switched off for it now; switch it off for the account: Billing, Revenue recovery, Retries.',
        ]
      : []),
    ...(step.kind === 'notice' ? [`The customer is told of it at ${describeTime(step.at)}.`] : []),
    'Send the update `retry` to charge it now, or `skip` to go on without the next step, with `{ "reason": "why", "by": "your name" }`.',
  ].join('\n\n')
}

export function describeEnd(status: DunningStatus): string {
  switch (status) {
    case 'recovered':
      return 'The invoice was paid.'
    case 'exhausted':
      return 'Every scheduled retry has failed. The subscription decides what follows.'
    case 'voided':
      return 'The invoice is void: nothing is owed any more.'
    case 'canceled':
      return 'The subscription has ended: nothing of it is collected any more.'
    case 'open':
      return 'The invoice is open.'
  }
}
