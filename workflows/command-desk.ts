import { ApplicationFailure, condition, currentUpdateInfo, setHandler } from '@temporalio/workflow'
import { type CommandRefusal, refusalOf, type SubscriptionCommand } from '../domain/commands.ts'
import type { KnownSubscription } from '../domain/subscription.ts'
import {
  cancel,
  cancelNow,
  changePlan,
  type CommandRequest,
  pause,
  resume,
  retryPayment,
} from './messages.ts'

/** One thing that somebody asked of the subscription. */
export interface Asked {
  commandId: string
  command: SubscriptionCommand
  by: string
  reason: string | undefined
}

type Answer = { known: KnownSubscription } | { refusal: CommandRefusal }

interface Waiting extends Asked {
  answer?: Answer
}

/** Where people ask a subscription for something: one queue, worked off one at a time. What memory shows to be impossible is
 *  refused before it enters the history; the database has the last word when its turn comes. */
export function commandDesk({
  known,
  now,
  awaitsOperator,
}: {
  known: () => KnownSubscription | undefined
  now: () => number
  /** Whether it waits for a person, and would do nothing of what is asked until then. */
  awaitsOperator: () => boolean
}) {
  const queue: Waiting[] = []

  const ask = async (
    command: SubscriptionCommand,
    { by, reason }: CommandRequest,
  ): Promise<KnownSubscription> => {
    const waiting: Waiting = { commandId: currentUpdateInfo()?.id ?? '', command, by, reason }
    queue.push(waiting)
    await condition(() => waiting.answer !== undefined)
    const answer = waiting.answer
    if (answer && 'known' in answer) return answer.known
    throw toFailure(answer?.refusal ?? { code: 'internal', detail: 'The command was not answered.' })
  }
  const check = (command: SubscriptionCommand, request: CommandRequest): void => {
    if (!isText(request?.by))
      throw toFailure({
        code: 'invalid_request',
        detail: 'Send { "by": "…", "reason": "…" }: both go into the audit.',
      })
    const refusal = refusalOf(command, known(), now()) ?? (awaitsOperator() ? lookedInto : undefined)
    if (refusal) throw toFailure(refusal)
  }

  type ChangeArgs = CommandRequest & { plan_id: string; when: 'now' | 'period_end'; quantity?: number }
  const toChange = ({ plan_id: planId, when, quantity }: ChangeArgs): SubscriptionCommand => ({
    kind: 'changePlan',
    planId,
    when,
    ...(quantity !== undefined && { quantity }),
  })
  setHandler(changePlan, (request) => ask(toChange(request), request), {
    validator: (request) => {
      if (!isText(request?.plan_id) || !isMoment(request.when, 'period_end'))
        throw invalid('{ "plan_id": "…", "when": "now" or "period_end", "by": "…", "reason": "…" }')
      check(toChange(request), request)
    },
    description: `Change the plan now or at the period’s end ("period_end"). Send { "plan_id": "…", "when": "now", ${WHO} }`,
  })
  setHandler(cancel, (request) => ask({ kind: 'cancel', at: request.at }, request), {
    validator: (request) => {
      if (!isMoment(request?.at, 'period_end'))
        throw invalid('{ "at": "now" or "period_end", "by": "…", "reason": "…" }')
      check({ kind: 'cancel', at: request.at }, request)
    },
    description: `End the subscription now or with its period ("period_end"). Send { "at": "now", ${WHO} }`,
  })
  // From a workflow of ours, which may tell it twice. A refusal is nobody's answer: it lands in the row of the command.
  setHandler(cancelNow, ({ commandId, ...request }) => {
    if (!queue.some((waiting) => waiting.commandId === commandId))
      queue.push({ commandId, command: { kind: 'cancel', at: 'now', keepsMoney: true }, ...request })
  })
  setHandler(resume, (request) => ask({ kind: 'resume' }, request), {
    validator: (request) => check({ kind: 'resume' }, request),
    description: `End a pause, or else take back a cancellation. Send { ${WHO} }`,
  })
  const toPause = ({ until }: { until?: string }): SubscriptionCommand => ({
    kind: 'pause',
    ...(until !== undefined && { until: Date.parse(until) }),
  })
  setHandler(pause, (request) => ask(toPause(request), request), {
    validator: (request) => {
      if (request?.until !== undefined && Number.isNaN(Date.parse(request.until)))
        throw invalid('{ "until": an RFC 3339 time, or left out, "by": "…", "reason": "…" }')
      check(toPause(request), request)
    },
    description: `Pause without charging; without "until", until somebody resumes it. Send { "until": "2030-01-31T00:00:00Z", ${WHO} }`,
  })
  setHandler(retryPayment, (request) => ask({ kind: 'retryPayment' }, request), {
    validator: (request) => check({ kind: 'retryPayment' }, request),
    description: `Charge the oldest unpaid invoice again now. Send { ${WHO} }`,
  })

  return {
    pending: (): boolean => queue.length > 0,
    /** The one whose turn it is. */
    next: (): Asked | undefined => queue[0],
    /** Tells whoever asked, and goes on to the next. */
    answer: (answer: Answer): void => {
      const waiting = queue.shift()
      if (waiting) waiting.answer = answer
    },
  }
}

const lookedInto: CommandRefusal = {
  code: 'awaits_operator',
  detail:
    'An operator has to decide on what could not be done, by `retry` or `skip`. Nothing was done: ask again later.',
}

function toFailure({ code, detail, facts = {} }: CommandRefusal): ApplicationFailure {
  return ApplicationFailure.nonRetryable(detail, code, facts)
}

/** To be pasted and filled in. */
const WHO = '"reason": "why", "by": "your name"'

const invalid = (shape: string) => ApplicationFailure.nonRetryable(`Send ${shape}.`, 'invalid_request')

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== ''
const isMoment = (value: unknown, end: string): boolean => value === 'now' || value === end
