import type { KnownSubscription } from '../domain/subscription.ts'
import { describeTime } from './clock.ts'
import { dunningWorkflowId } from './ids.ts'

/** The words of a subscription, for operators. */

export function describeSubscription(
  known: KnownSubscription | undefined,
  { for: what, at }: { for: string; at: number },
  cases: string[],
): string {
  const change = known?.pendingChange
  const { leftUnpaid = [] } = known ?? {}
  const isBehind = known?.status === 'past_due'
  return [
    `Waiting for ${what}. Looks at Stripe by itself at ${describeTime(at)}.`,
    ...(change
      ? [
          `It changes to plan ${change.planId} ${change.when === 'now' ? 'when its payment is confirmed' : `on ${describeTime(change.at)}`}.`,
        ]
      : []),
    // Where to go on reading about what is owed.
    ...(isBehind && cases.length > 0 ? [`Worked on by ${cases.map(dunningWorkflowId).join(', ')}.`] : []),
    ...(leftUnpaid.length > 0 ? [`Not retried any more, as the policy says: ${leftUnpaid.join(', ')}.`] : []),
  ].join(' ')
}

export function describeWait(known: KnownSubscription): string {
  if (known.status === 'past_due') return 'what is owed to be paid'
  if (known.status === 'paused')
    return known.pausedUntil === undefined
      ? 'somebody to resume the subscription'
      : `the pause to end on ${describeTime(known.pausedUntil)}`
  const end = describeTime(known.currentPeriodEnd)
  if (known.cancelAtPeriodEnd) return `the end of the last period on ${end}`
  return known.status === 'trialing' ? `the trial to end on ${end}` : `the renewal on ${end}`
}
