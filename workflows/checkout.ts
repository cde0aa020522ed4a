import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  ParentClosePolicy,
  setHandler,
  setWorkflowOptions,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import type { OpenCheckoutResult } from '../activities/open-checkout.ts'
import {
  type CheckoutSnapshot,
  mayStillChange,
  nextLook,
  outcomeOf,
  type PaymentStatus,
} from '../domain/checkout.ts'
import { describeTime, now, temporalClock } from './clock.ts'
import { showDetails } from './details.ts'
import { subscriptionTitle, subscriptionWorkflowId } from './ids.ts'
import { type CheckoutInput, openSession, state, stripeChanged, type SubscriptionInput } from './messages.ts'
import { finalRefusal, operatorDesk } from './operator-desk.ts'
import { record, stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { pinned } from './versioning.ts'
import { wakeable } from './wakeable.ts'

// Short: it ends with the release that began it.
setWorkflowOptions(pinned, checkout)

/** One customer's attempt to buy one thing: opens the payment page, waits, and records what Stripe says came of it. */
export async function checkout(input: CheckoutInput): Promise<PaymentStatus> {
  const { projectId, paymentId } = input
  let status: PaymentStatus = 'pending'
  let opened: OpenCheckoutResult | undefined
  let refusal: ApplicationFailure | undefined
  let lastSeen: CheckoutSnapshot | undefined
  let waiting = { for: 'Stripe to open the payment page', until: undefined as number | undefined }

  const wake = wakeable(temporalClock())
  const desk = operatorDesk({ ...input, subjectId: paymentId, newsHasCome: wake.pending })
  setHandler(stripeChanged, wake.on)
  setHandler(openSession, async () => {
    await condition(() => opened !== undefined || refusal !== undefined)
    if (!opened) throw refusal
    return { checkoutSessionId: opened.checkoutSessionId, checkoutUrl: opened.checkoutUrl }
  })
  setHandler(state, () => ({
    status,
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
    ...(lastSeen && { lastSeen }),
  }))
  const waitFor = (what: string, until: number) => {
    waiting = { for: what, until }
    showDetails(
      `Waiting for ${what}. Looks at Stripe by itself at ${describeTime(until)}.${describeDeclines(lastSeen)}`,
    )
  }

  showDetails('Opening the payment page at Stripe.')
  try {
    opened = await stripe.openCheckout({ projectId, paymentId })
    status = opened.status
  } catch (error) {
    refusal = finalRefusal(error)
    if (!refusal) throw error
    status = await record.recordRefusal({ projectId, paymentId, code: refusal.type ?? 'provider_refused' })
  }

  // A run that was started again for a payment that has ended only follows the hints that started it.
  while (opened && (status === 'pending' || (wake.pending() && mayStillChange(status)))) {
    const deadline = nextLook({ openedAt: opened.openedAt, expiresAt: opened.expiresAt, now: now() })
    if (deadline !== undefined) {
      if (!wake.pending())
        waitFor(lastSeen?.session === 'complete' ? 'the money to arrive' : 'the customer to pay', deadline)
      await wake.until(deadline, `Look at Stripe, unless woken: waiting for ${waiting.for}`)
    } else if (!wake.pending()) {
      const note = 'The money of this payment has neither come nor failed for 30 days.'
      if ((await desk.waitForPerson('payment_unsettled', note)) === 'skip') break
    }

    const { checkoutSessionId } = opened
    const seen = await desk.attend('Stripe did not let us read the payment.', () => {
      wake.answer()
      return stripe.readCheckout(checkoutSessionId)
    })
    if (!seen) continue
    // A look that shows nothing new is not worth a transaction.
    if (outcomeOf(seen) || seen.attempts.length !== (lastSeen?.attempts.length ?? 0))
      status = await record.recordCheckout({ projectId, paymentId, snapshot: seen })
    lastSeen = seen
  }

  upsertSearchAttributes([{ key: searchAttributes.status, value: status }])
  showDetails(`The payment is ${status}.`)
  waiting = { for: 'nothing', until: undefined }
  if (status === 'succeeded' && opened?.subscriptionId && lastSeen?.stripeSubscriptionId) {
    await handOver({
      version: 1,
      projectId,
      paymentId,
      correlationId: input.correlationId,
      subscriptionId: opened.subscriptionId,
      stripeSubscriptionId: lastSeen.stripeSubscriptionId,
      seenEventIds: [],
      ...(opened.clockId && { clock: { clockId: opened.clockId, now: 0 } }),
    })
  }
  await condition(allHandlersFinished)
  return status
}

/** The first thing that is asked about a customer who has not paid. */
function describeDeclines(seen: CheckoutSnapshot | undefined): string {
  const declined = seen?.attempts.filter(({ outcome }) => outcome === 'failed') ?? []
  if (declined.length === 0) return ''
  const attempts = declined.length === 1 ? 'One attempt was' : `${declined.length} attempts were`
  return ` ${attempts} declined, the last one with ${declined.at(-1)?.declineCode ?? 'no code'}.`
}

/** The subscription lives on by itself. One that already runs is adopted: this run was reset, or an event was quicker. */
async function handOver(subscription: SubscriptionInput): Promise<void> {
  const shown = workflowInfo().typedSearchAttributes
  try {
    await startChild('subscription', {
      workflowId: subscriptionWorkflowId(subscription.subscriptionId),
      args: [subscription],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: shown.updateCopy([{ key: searchAttributes.status, value: 'incomplete' }]),
      staticSummary: subscriptionTitle(shown.get(searchAttributes.user), shown.get(searchAttributes.plan)),
      staticDetails: `Sold by checkout/${subscription.paymentId}. To end it, send the update \`cancel\`.`,
    })
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
  }
}
