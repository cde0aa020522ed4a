import {
  allHandlersFinished,
  condition,
  patched,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import type { RefundView } from '../activities/follow-refund.ts'
import { currency, describeMoney, money } from '../domain/money.ts'
import { nextRefundLook, type RefundStatus } from '../domain/refunds.ts'
import { clockOf, describeTime } from './clock.ts'
import { showDetails } from './details.ts'
import { endSubscription } from './end-subscription.ts'
import { refundDecided, type RefundInput, refundTried, state, stripeChanged } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { upgrading } from './versioning.ts'
import { wakeable } from './wakeable.ts'

// It may wait for a person for as long as nobody comes: it goes over to the new release.
setWorkflowOptions(upgrading, refund)

/** Gives money back: waits for a second person where one is needed, has Stripe make the refund once, and follows it until the
 *  bank has answered. News of a refund that has ended starts it again for one more look. */
export async function refund(input: RefundInput): Promise<RefundStatus | 'nothing'> {
  const { projectId, refundId, opening } = input
  let seen: RefundView | undefined
  /** Whether a look is done that nothing has followed which asks for another. */
  let isSettled = false
  let waiting = { for: 'a first look', until: undefined as number | undefined }

  const clock = clockOf(projectId, input.clock)
  const wake = wakeable(clock)
  const desk = operatorDesk({ ...input, subjectId: refundId, newsHasCome: wake.pending, clock })
  setHandler(stripeChanged, wake.on)
  setHandler(refundDecided, wake.nudge)
  setHandler(refundTried, async () => {
    await condition(() => isSettled && !wake.pending())
  })
  setHandler(state, () => ({
    status: seen?.status ?? 'pending',
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  const isThere =
    opening === undefined ||
    (await desk.attend('The refund could not be begun.', () =>
      stripe.openRefund({ projectId, refundId, opening }),
    ))
  if (!isThere) return end('There is nothing to refund.', 'nothing')

  for (;;) {
    await look()
    if (!seen) return end('An operator has gone on without it.', await giveUp())
    if (seen.cancels)
      await endSubscription(
        seen.cancels,
        {
          commandId: `refund/${refundId}`,
          by: seen.requestedBy,
          reason: `Its payment was refunded (${refundId}).`,
        },
        { desk, clock },
      )
    if (seen.status === 'awaiting_approval') await waitForApproval(seen)
    else if (seen.status === 'pending') await waitForBank(seen)
    else if (!wake.pending()) return end(describeEnd(seen), seen.status)
  }

  async function look(): Promise<void> {
    const before = seen?.status
    isSettled = false
    seen = await desk.attend('The refund could not be followed.', () => {
      const eventId = wake.answer()
      return stripe.followRefund({
        projectId,
        refundId,
        cause: { by: 'stripe', ...(eventId && { eventId }) },
      })
    })
    isSettled = true
    clock.set(seen?.clockNow)
    if (seen && seen.status !== before)
      upsertSearchAttributes([{ key: searchAttributes.status, value: seen.status }])
  }

  /** A row that stayed as it is would be taken up again by the sweep. */
  async function giveUp(): Promise<RefundStatus | 'nothing'> {
    // Refunds that were left out before this change keep to their histories.
    if (!patched('skipped-refunds-fail')) return 'nothing'
    for (;;) {
      const status = await desk.attend('Stripe did not let us see whether the refund was made.', () =>
        stripe.skipRefund({ projectId, refundId }),
      )
      if (status) return status
    }
  }

  async function waitForApproval({ requestedBy, ...view }: RefundView): Promise<void> {
    waiting = { for: 'a second person to approve the refund', until: undefined }
    showDetails(
      `**${amountOf(view)} waits for a second person.** ${requestedBy} asked for it. Another operator approves or rejects it over the API: \`POST /api/v1/refunds/${refundId}/approve\` or \`/reject\` with \`{ "reason": "…" }\`.`,
    )
    await clock.rest(undefined, wake.pending, 'A second person must approve')
  }

  async function waitForBank(view: RefundView): Promise<void> {
    const lookAt = nextRefundLook({ askedAt: view.requestedAt, now: clock.now() })
    if (lookAt === undefined) {
      await desk.waitForPerson(
        'refund_stuck',
        `${amountOf(view)} has been on its way for a month. Ask Stripe about it; \`retry\` looks again.`,
      )
      return
    }
    waiting = { for: 'the bank to take the money', until: lookAt }
    showDetails(
      `${amountOf(view)} is on its way to the customer. Looks at Stripe by itself at ${describeTime(lookAt)}.`,
    )
    await wake.until(lookAt, 'See what came of the refund')
  }

  async function end<Status>(details: string, status: Status): Promise<Status> {
    isSettled = true
    waiting = { for: 'nothing', until: undefined }
    showDetails(details)
    await clock.leave()
    await condition(allHandlersFinished)
    return status
  }
}

const amountOf = (view: Pick<RefundView, 'amount' | 'currency'>) =>
  describeMoney(money(view.amount, currency(view.currency)))

function describeEnd(view: RefundView): string {
  return view.status === 'succeeded'
    ? `${amountOf(view)} has gone back to the customer.`
    : `Nothing went back: ${view.failureCode ?? 'refused'}.`
}
