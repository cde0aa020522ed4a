import {
  ActivityFailure,
  ApplicationFailure,
  currentUpdateInfo,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { ProjectId } from '../domain/ids.ts'
import { type Clock, temporalClock } from './clock.ts'
import { showDetails } from './details.ts'
import { type OperatorRequest, retry, skip } from './messages.ts'
import { record } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'

export interface Decision extends OperatorRequest {
  action: 'retry' | 'skip'
  updateId: string
}

/** Where a workflow waits for a person. What cannot be retried does not fail the workflow: it is parked with
 *  `QuittanceAttention` set and a note in plain words, until an operator sends `retry` or `skip`, or until news makes another
 *  attempt worthwhile. */
export function operatorDesk({
  projectId,
  subjectId,
  correlationId,
  newsHasCome = () => false,
  unparked,
  clock = temporalClock(),
}: DeskInput) {
  let parked: { on: string; decision?: Decision } | undefined

  const refuseUnlessParked = (): void => {
    if (!parked && !unparked)
      throw ApplicationFailure.nonRetryable('This workflow is not waiting for an operator.', 'not_parked')
    if (parked ? parked.decision : unparked?.isDecided())
      throw ApplicationFailure.nonRetryable('Another operator has just decided.', 'already_decided')
  }
  const decide = (action: 'retry' | 'skip') => (request: OperatorRequest) => {
    // Asked again: of two updates in one workflow task, both are validated before either is handled.
    refuseUnlessParked()
    const { reason, by } = request
    const decision = { reason, by, action, updateId: currentUpdateInfo()?.id ?? '' }
    if (parked) parked = { ...parked, decision }
    else unparked?.decide(decision)
  }
  const validator = (request: OperatorRequest) => {
    if (!isText(request?.reason) || !isText(request.by))
      throw ApplicationFailure.nonRetryable(
        'Send { "reason": "…", "by": "…" }: both go into the audit.',
        'invalid_request',
      )
    refuseUnlessParked()
  }
  const describe = (action: 'retry' | 'skip', whenParked: string) =>
    `${[unparked?.meaning[action], whenParked].filter(Boolean).join(' ')} Send ${PASTED}`
  setHandler(retry, decide('retry'), {
    validator,
    description: describe('retry', 'When parked: tries again what could not be done.'),
  })
  setHandler(skip, decide('skip'), {
    validator,
    description: describe('skip', 'When parked: goes on without what could not be done.'),
  })

  async function waitForPerson(on: string, note: string): Promise<'retry' | 'skip'> {
    parked = { on }
    upsertSearchAttributes([{ key: searchAttributes.attention, value: on }])
    showDetails(
      `**Needs a person: ${on}.** ${note}\n\nSend the update \`retry\` or \`skip\` with \`${PASTED}\`.`,
    )
    await clock.rest(undefined, () => parked?.decision !== undefined || newsHasCome(), 'A person is needed')
    const { decision } = parked
    parked = undefined
    upsertSearchAttributes([{ key: searchAttributes.attention, value: null }])
    showDetails(decision?.action === 'skip' ? 'Going on without it.' : 'Trying again.')
    if (!decision) return 'retry'
    await record.recordOperatorAction({
      projectId,
      subjectId,
      // The server takes an update once per run, and a reset gives it to a new one: so this names the act whatever is replayed.
      intent: `${workflowInfo().originalExecutionRunId}/operator/${decision.updateId}`,
      action: decision.action,
      reason: decision.reason,
      by: decision.by,
      attention: on,
      correlationId,
    })
    return decision.action
  }

  return {
    /** What the workflow is parked on, if it is. */
    attention: (): string | undefined => parked?.on,
    waitForPerson,
    /** Runs an attempt; one that ends for good waits for a person instead of failing the workflow.
     *  @returns `undefined` when the operator chose to go on without. */
    async attend<Result>(note: string, attempt: () => Promise<Result>): Promise<Result | undefined> {
      for (;;) {
        try {
          return await attempt()
        } catch (error) {
          const refusal = finalRefusal(error)
          if (!refusal) throw error
          if ((await waitForPerson(refusal.type ?? 'refused', `${note} ${refusal.message}`)) === 'skip')
            return undefined
        }
      }
    },
  }
}

interface DeskInput {
  projectId: ProjectId
  /** What the audit is about: a payment, a subscription, a project. */
  subjectId: string
  correlationId: string
  /** Whether something has happened that may have changed what the workflow is parked on. */
  newsHasCome?: () => boolean
  /** What `retry` and `skip` mean while nothing is parked; refused when left out. */
  unparked?: {
    decide: (decision: Decision) => void
    /** Whether a decision has not been followed yet. */
    isDecided: () => boolean
    /** As operators read it where they choose the update. */
    meaning: { retry: string; skip: string }
  }
  clock?: Clock
}

/** To be pasted and filled in. */
const PASTED = '{ "reason": "why", "by": "your name" }'

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''

/** The real answer in which an activity ended; `undefined` for cancellation and the like, which must pass through. */
export function finalRefusal(error: unknown): ApplicationFailure | undefined {
  // A local activity fails as itself, an ordinary one inside an `ActivityFailure`.
  const cause = error instanceof ActivityFailure ? error.cause : error
  return cause instanceof ApplicationFailure ? cause : undefined
}
