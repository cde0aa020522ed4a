import {
  allHandlersFinished,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  setWorkflowOptions,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import type { AttemptInput } from '../activities/attempt-payment.ts'
import type {
  CaseView,
  DunningStepToRecord,
  LookedAtCase,
  RecordDunningStepInput,
} from '../activities/dunning-steps.ts'
import { type DunningStatus, type DunningStep, nextDunningStep } from '../domain/dunning.ts'
import { clockOf } from './clock.ts'
import { describeCase, describeEnd, describeStep, describeTimer } from './describe-case.ts'
import { showDetails } from './details.ts'
import { subscriptionTitle, subscriptionWorkflowId } from './ids.ts'
import { caseChanged, type DunningInput, state, stripeChanged } from './messages.ts'
import { type Decision, operatorDesk } from './operator-desk.ts'
import { record, stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { upgrading } from './versioning.ts'
import { wakeable } from './wakeable.ts'

// It lives for years: each step is taken by the current release, and recorded histories hold that to be possible.
setWorkflowOptions(upgrading, dunning)

/** One unpaid invoice, from its first failed charge to its end: notices and retries on the days of its policy, and whatever
 *  pays it before. Its row in Postgres decides whether it is open; what this run does again after a reset is done already. */
export async function dunning(input: DunningInput): Promise<DunningStatus> {
  const { projectId, subscriptionId, paymentId, stripeSubscriptionId, invoiceId } = input
  const subject = { projectId, subscriptionId, paymentId, stripeSubscriptionId, invoiceId }
  let decision: Decision | undefined
  let waiting = { for: 'a first look at the invoice', until: undefined as number | undefined }

  const clock = clockOf(projectId, input.clock)
  const wake = wakeable(clock, input.seenEventIds)
  const desk = operatorDesk({
    ...input,
    subjectId: subscriptionId,
    newsHasCome: wake.pending,
    unparked: {
      decide: (made) => {
        decision = made
      },
      isDecided: () => decision !== undefined,
      meaning: {
        retry: 'Charges the invoice now; uses up none of the scheduled retries.',
        skip: 'Goes on without the next step: a notice, a retry, or what is left of the grace.',
      },
    },
    clock,
  })
  setHandler(stripeChanged, wake.on)
  setHandler(caseChanged, wake.nudge)
  setHandler(state, () => ({
    status: view?.status ?? 'open',
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  let view = undefined as LookedAtCase | undefined
  await look()
  while (view === undefined || isOpen(view)) {
    if (!view) {
      await look()
    } else if (view.newCard !== undefined) {
      await collect({
        intent: `new_card/${view.newCard}`,
        trigger: 'new_card',
        paymentMethodId: view.newCard,
        cause: { by: 'customer', why: 'The customer brought a new card.' },
      })
    } else if (decision) {
      await follow(decision, nextDunningStep(view, clock.now()))
    } else if (wake.pending()) {
      await look()
    } else {
      if (workflowInfo().continueAsNewSuggested) await startNewRun()
      await waitForStep(view)
    }
  }

  upsertSearchAttributes([{ key: searchAttributes.status, value: view.status }])
  waiting = { for: 'nothing', until: undefined }
  showDetails(describeEnd(view.status))
  await tellSubscription()
  await clock.leave()
  await condition(allHandlersFinished)
  return view.status

  async function waitForStep(current: CaseView): Promise<void> {
    const step = nextDunningStep(current, clock.now())
    waiting = { for: describeStep(step, current), until: step.at }
    showDetails(describeCase(step, current))
    await wake.until(step.at, describeTimer(step, current), () => decision !== undefined)
    if (decision || wake.pending() || clock.now() < step.at) return
    // Asked again: while nothing ran, several may have fallen due, and they collapse into one.
    await take(nextDunningStep(current, clock.now()))
  }

  async function take(step: DunningStep): Promise<void> {
    if (step.kind === 'retry')
      await collect({
        intent: `schedule/${step.retry}`,
        trigger: 'schedule',
        retriesDone: step.retry,
        cause: { by: 'quittance' },
      })
    else if (step.kind === 'notice') await write({ kind: 'notice', retry: step.retry })
    else await write({ kind: step.kind })
  }

  /** An operator has the next step taken at once, or left out. */
  async function follow({ action, by, reason, updateId }: Decision, step: DunningStep): Promise<void> {
    decision = undefined
    const cause = { by, why: reason }
    if (action === 'retry') {
      await collect({ intent: `operator/${updateId}`, trigger: 'operator', cause })
    } else if (step.kind === 'retry' || step.kind === 'notice') {
      await write({ kind: `skip_${step.kind}`, retry: step.retry }, { cause, decisionId: updateId })
    } else {
      await write({ kind: step.kind }, { cause, decisionId: updateId })
    }
  }

  async function look(): Promise<void> {
    const looked = await desk.attend('Stripe did not let us read the invoice.', () => {
      const eventId = wake.answer()
      return stripe.lookAtCase({ ...subject, ...(eventId && { cause: { by: 'stripe', eventId } }) })
    })
    if (looked) see(looked)
  }

  async function collect(
    attempt: Pick<AttemptInput, 'intent' | 'trigger' | 'cause' | 'retriesDone' | 'paymentMethodId'>,
  ): Promise<void> {
    showDetails('Asking Stripe to charge the invoice. Until it has answered, access stays as it is.')
    const result = await desk.attend('Stripe did not let us charge the invoice.', () =>
      stripe.attemptPayment({ ...subject, ...attempt }),
    )
    if (result) see(result.view)
    // An operator goes on without this attempt. What was used up before it was tried shows at the next look.
    else await look()
  }

  async function write(
    step: DunningStepToRecord,
    decided: Pick<RecordDunningStepInput, 'cause' | 'decisionId'> = {},
  ): Promise<void> {
    see(await record.recordDunningStep({ ...subject, step, ...decided }))
  }

  function see(seen: LookedAtCase): void {
    view = seen
    clock.set(seen.clockNow)
  }

  /** It takes over from here: what an ended case means for it is its own decision. */
  async function tellSubscription(): Promise<void> {
    try {
      await getExternalWorkflowHandle(subscriptionWorkflowId(subscriptionId)).signal(caseChanged, {
        invoiceId,
        hasEnded: true,
      })
    } catch {
      // Ended or terminated: a new run looks whether anything is left to be decided.
      await startSubscription()
    }
  }

  async function startSubscription(): Promise<void> {
    const carried = clock.input()
    const shown = workflowInfo().typedSearchAttributes
    try {
      await startChild('subscription', {
        workflowId: subscriptionWorkflowId(subscriptionId),
        args: [
          {
            version: 1,
            projectId,
            subscriptionId,
            paymentId,
            stripeSubscriptionId,
            correlationId: input.correlationId,
            seenEventIds: [],
            ...(carried && { clock: carried }),
          },
        ],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        typedSearchAttributes: shown,
        staticSummary: subscriptionTitle(shown.get(searchAttributes.user), shown.get(searchAttributes.plan)),
        staticDetails: `Sold by checkout/${paymentId}. To end it, send the update \`cancel\`.`,
      })
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
    }
  }

  async function startNewRun(): Promise<never> {
    await condition(allHandlersFinished)
    const carried = clock.input()
    return continueAsNew<typeof dunning>({
      ...input,
      seenEventIds: wake.seenEventIds(),
      ...(carried && { clock: carried }),
    })
  }
}

const isOpen = ({ status }: CaseView) => status === 'open'
