import type { Followed } from '../activities/record-look.ts'
import { type KnownSubscription, nextSubscriptionLook, trialNoticeAt } from '../domain/subscription.ts'
import type { Clock } from './clock.ts'
import { describeWait } from './describe-subscription.ts'

/** How long Stripe may take to start a subscription that was paid for before we look again by ourselves. */
const STARTING_LOOK_MS = 5 * 60_000

/** Something that comes by itself. */
export interface Due {
  kind: 'look' | 'trial_notice' | 'end_of_pause'
  at: number
  for: string
  summary: string
}

/** What of a subscription comes first, as far as is known and seen. */
export function nextDue(
  clock: Clock,
  {
    known,
    seen,
    announcedTrialEnd,
  }: {
    known: KnownSubscription | undefined
    seen: Followed | undefined
    /** The trial whose end the customer has been told of. */
    announcedTrialEnd: number | undefined
  },
): Due {
  if (!known)
    return {
      kind: 'look',
      at: clock.now() + STARTING_LOOK_MS,
      for: 'Stripe to start the subscription',
      summary: 'Look whether Stripe has started it',
    }
  const waitsFor = describeWait(known)
  const looksAt = nextSubscriptionLook({
    status: known.status,
    currentPeriodEnd: known.currentPeriodEnd,
    cancelAtPeriodEnd: known.cancelAtPeriodEnd,
    // What a case works through is its own concern: it tells us.
    owes: (seen?.owes ?? false) && known.status !== 'past_due',
    now: clock.now(),
    ...(clock.input() && { slack: 60_000 }),
  })
  const all: Due[] = [
    {
      kind: 'look',
      at: looksAt,
      for: waitsFor,
      summary: `Look at Stripe, unless woken: waiting for ${waitsFor}`,
    },
  ]
  const noticeAt = trialNoticeAt(known)
  if (noticeAt !== undefined && announcedTrialEnd !== known.trialEnd)
    all.push({ kind: 'trial_notice', at: noticeAt, for: waitsFor, summary: 'Tell that the trial will end' })
  if (known.status === 'paused' && known.pausedUntil !== undefined)
    all.push({ kind: 'end_of_pause', at: known.pausedUntil, for: waitsFor, summary: 'End the pause' })
  return all.reduce((earliest, due) => (due.at < earliest.at ? due : earliest))
}
