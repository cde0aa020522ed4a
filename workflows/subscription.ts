import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import {
  type KnownSubscription,
  nextSubscriptionLook,
  owesMoney,
  type SubscriptionStatus,
} from '../domain/subscription.ts'
import { describeTime, now } from './clock.ts'
import { state, stripeChanged, type SubscriptionInput } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { record, stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { wakeable } from './wakeable.ts'

/** How long Stripe may take to start a subscription that was paid for before we look again by ourselves. */
const STARTING_LOOK_MS = 5 * 60_000

/** A promise that lasts years: looks at Stripe when woken or when something was due, records what it sees, and sleeps again.
 *  Each billing period is a run of its own, so that histories stay short and new code is picked up. */
export async function subscription(input: SubscriptionInput): Promise<SubscriptionStatus> {
  const { projectId, subscriptionId, paymentId, stripeSubscriptionId } = input
  let { known } = input
  let owes = false
  let neverStarted = false
  let waiting = { for: 'a first look at Stripe', until: undefined as number | undefined }

  const wake = wakeable(input.seenEventIds)
  const desk = operatorDesk({ ...input, subjectId: subscriptionId, newsHasCome: wake.pending })
  setHandler(stripeChanged, wake.on)
  setHandler(state, () => ({
    status: known?.status ?? 'incomplete',
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  known ??= await look()
  const periodOfRun = known?.currentPeriodEnd
  while (known?.status !== 'canceled' && !neverStarted) {
    if (isTimeForNewRun()) {
      await condition(allHandlersFinished)
      await continueAsNew<typeof subscription>({
        ...input,
        seenEventIds: wake.seenEventIds(),
        // While something is owed the new run looks for itself, and so knows it too.
        ...(known && !owes && { known }),
      })
    }
    const until = known
      ? nextSubscriptionLook({ currentPeriodEnd: known.currentPeriodEnd, owes, now: now() })
      : now() + STARTING_LOOK_MS
    waiting = { for: describeWait(known), until }
    if (!wake.pending())
      setCurrentDetails(`Waiting for ${waiting.for}. Looks at Stripe by itself at ${describeTime(until)}.`)
    await wake.until(until, `Look at Stripe, unless woken: waiting for ${waiting.for}`)
    known = await look()
  }
  setCurrentDetails('The subscription has ended.')
  await condition(allHandlersFinished)
  return known?.status ?? 'incomplete'

  /** A run of its own for each period that is paid for. What has not been looked at yet is looked at first. */
  function isTimeForNewRun(): boolean {
    if (wake.pending()) return false
    const periodHasEnded = periodOfRun !== undefined && known?.currentPeriodEnd !== periodOfRun
    return (periodHasEnded && !owes) || workflowInfo().continueAsNewSuggested
  }

  /** Reads Stripe and records what is new. */
  async function look(): Promise<KnownSubscription | undefined> {
    const seen = await desk.attend('Stripe did not let us read the subscription.', () => {
      wake.answer()
      return stripe.readSubscription(stripeSubscriptionId)
    })
    if (!seen) return known
    owes = owesMoney(seen)
    // Stripe gives up on a first payment within a day; then there is nothing to look after.
    neverStarted = known === undefined && seen.status === 'incomplete_expired'
    const recorded = await record.recordSubscription({ projectId, subscriptionId, paymentId, snapshot: seen })
    if (recorded && recorded.status !== known?.status)
      upsertSearchAttributes([{ key: searchAttributes.status, value: recorded.status }])
    return recorded
  }
}

function describeWait(known: KnownSubscription | undefined): string {
  if (!known) return 'Stripe to start the subscription'
  if (known.status === 'past_due') return 'what is owed to be paid'
  if (known.status === 'paused') return 'Stripe to resume the subscription'
  const end = describeTime(known.currentPeriodEnd)
  if (known.cancelAtPeriodEnd) return `the end of the last period on ${end}`
  return known.status === 'trialing' ? `the trial to end on ${end}` : `the renewal on ${end}`
}
