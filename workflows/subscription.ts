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
  let known: KnownSubscription | undefined
  let neverStarted = false
  let waiting = { for: 'a first look at Stripe', until: undefined as number | undefined }

  const wake = wakeable(input.seenEventIds)
  const desk = operatorDesk({ ...input, subjectId: subscriptionId })
  setHandler(stripeChanged, wake.on)
  setHandler(state, () => ({
    status: known?.status ?? 'incomplete',
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  known = await look()
  let periodOfRun = known?.currentPeriodEnd
  while (known?.status !== 'canceled' && !neverStarted) {
    const until = known
      ? nextSubscriptionLook({ currentPeriodEnd: known.currentPeriodEnd, now: now() })
      : now() + STARTING_LOOK_MS
    waiting = { for: describeWait(known), until }
    if (!wake.pending())
      setCurrentDetails(`Waiting for ${waiting.for}. Looks at Stripe by itself at ${describeTime(until)}.`)
    await wake.until(until)
    known = await look()

    periodOfRun ??= known?.currentPeriodEnd
    const periodHasEnded = known?.currentPeriodEnd !== periodOfRun || workflowInfo().continueAsNewSuggested
    if (periodHasEnded && known && known.status !== 'canceled' && !wake.pending()) {
      await condition(allHandlersFinished)
      await continueAsNew<typeof subscription>({ ...input, seenEventIds: wake.seenEventIds() })
    }
  }
  setCurrentDetails('The subscription has ended.')
  await condition(allHandlersFinished)
  return known?.status ?? 'incomplete'

  /** Reads Stripe and records what is new. */
  async function look(): Promise<KnownSubscription | undefined> {
    const seen = await desk.attend('Stripe did not let us read the subscription.', () =>
      stripe.readSubscription(stripeSubscriptionId),
    )
    if (!seen) return known
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
  const end = describeTime(known.currentPeriodEnd)
  if (known.cancelAtPeriodEnd) return `the end of the last period on ${end}`
  return known.status === 'trialing' ? `the trial to end on ${end}` : `the renewal on ${end}`
}
