import {
  allHandlersFinished,
  condition,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import type { DisputeView } from '../activities/follow-dispute.ts'
import {
  type DisputeStatus,
  isClosed,
  isInquiry,
  needsResponse,
  nextDisputeLook,
  nextReminder,
} from '../domain/disputes.ts'
import { currency, describeMoney, money } from '../domain/money.ts'
import { clockOf, describeTime } from './clock.ts'
import { showDetails } from './details.ts'
import { endSubscription } from './end-subscription.ts'
import { type DisputeInput, state, stripeChanged } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { record, stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { upgrading } from './versioning.ts'
import { wakeable } from './wakeable.ts'

// Months, while a bank decides: each step is taken by the current release.
setWorkflowOptions(upgrading, dispute)

/** A customer's bank wants money back: books what it takes and gives back, reminds of the evidence until it is handed in, and
 *  ends with the bank's decision. News of one that has ended starts it again for one more look. */
export async function dispute(input: DisputeInput): Promise<DisputeStatus | 'skipped'> {
  const { projectId, disputeId, stripeDisputeId, ownerId } = input
  let seen: DisputeView | undefined
  let waiting = { for: 'a first look at Stripe', until: undefined as number | undefined }
  let asksForEvidence = false

  const clock = clockOf(projectId, input.clock)
  const wake = wakeable(clock)
  const desk = operatorDesk({ ...input, subjectId: disputeId, newsHasCome: wake.pending, clock })
  setHandler(stripeChanged, wake.on)
  setHandler(state, () => ({
    status: seen?.status ?? 'needs_response',
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...((desk.attention() ?? (asksForEvidence ? EVIDENCE_DUE : undefined)) && {
      attention: desk.attention() ?? EVIDENCE_DUE,
    }),
  }))

  for (;;) {
    await look()
    if (!seen) return end('An operator has gone on without it.', 'skipped')
    if (seen.cancels)
      await endSubscription(
        seen.cancels,
        {
          commandId: `dispute/${disputeId}`,
          by: 'quittance',
          reason: `Its payment is disputed (${disputeId}).`,
        },
        { desk, clock },
      )
    askForEvidence(needsResponse(seen.status))
    if (isClosed(seen.status) && !wake.pending()) return end(describe(seen), seen.status)
    await waitForNews(seen)
  }

  async function look(): Promise<void> {
    const before = seen?.status
    seen = await desk.attend('The dispute could not be followed.', () => {
      const eventId = wake.answer()
      return stripe.followDispute({
        projectId,
        disputeId,
        stripeDisputeId,
        ownerId,
        cause: { by: 'stripe', ...(eventId && { eventId }) },
      })
    })
    clock.set(seen?.clockNow)
    if (seen && seen.status !== before)
      upsertSearchAttributes([{ key: searchAttributes.status, value: seen.status }])
  }

  /** A person is needed, though the workflow goes on: only Stripe's dashboard takes evidence. */
  function askForEvidence(asks: boolean): void {
    if (asks === asksForEvidence) return
    asksForEvidence = asks
    upsertSearchAttributes([{ key: searchAttributes.attention, value: asks ? EVIDENCE_DUE : null }])
  }

  async function waitForNews(view: DisputeView): Promise<void> {
    const { evidenceDueAt, status } = view
    const now = clock.now()
    const reminder =
      evidenceDueAt !== undefined && needsResponse(status) ? nextReminder(evidenceDueAt, now) : undefined
    const lookAt = nextDisputeLook({ evidenceDueAt, now })
    const until = Math.min(lookAt, reminder?.at ?? lookAt)
    waiting = { for: needsResponse(status) ? 'evidence' : 'the bank to decide', until }
    showDetails(`${describe(view)} Looks at Stripe by itself at ${describeTime(lookAt)}.`)
    await wake.until(
      until,
      reminder?.at === until ? 'Remind of the evidence' : 'See what the bank has decided',
    )
    if (reminder && clock.now() >= reminder.at && !wake.pending())
      await record.remindOfDispute({ projectId, disputeId, ordinal: reminder.ordinal })
  }

  async function end<Status>(details: string, status: Status): Promise<Status> {
    waiting = { for: 'nothing', until: undefined }
    showDetails(details)
    await clock.leave()
    await condition(allHandlersFinished)
    return status
  }
}

const EVIDENCE_DUE = 'evidence_due'

function describe(view: DisputeView): string {
  const amount = describeMoney(money(view.amount, currency(view.currency)))
  const { status, reason, evidenceDueAt } = view
  if (status === 'won') return `Won: ${amount} is back.`
  if (status === 'lost') return `Lost: ${amount} is gone.`
  if (isClosed(status)) return `The bank asks no more about ${amount}.`
  const claim = `The customer's bank ${isInquiry(status) ? 'asks about' : 'wants back'} ${amount} (${reason}).`
  if (!needsResponse(status)) return `${claim} Evidence is in: the bank decides.`
  const due = evidenceDueAt === undefined ? '' : ` by ${describeTime(evidenceDueAt)}`
  return `**${claim} Hand in evidence in Stripe's dashboard${due}.**`
}
