import { type DunningPolicy, parseDuration } from './dunning-policy.ts'

/** A dunning case: one unpaid invoice, worked through on the days its policy names. Times in milliseconds since 1970. */

/** `exhausted`: every retry failed; what the policy says about that is done next. `canceled`: the subscription ended first. */
export const dunningStatuses = ['open', 'recovered', 'exhausted', 'voided', 'canceled'] as const
export type DunningStatus = (typeof dunningStatuses)[number]

export type DunningEnding = Exclude<DunningStatus, 'open'>

const transitions: Record<DunningStatus, Partial<Record<DunningEnding, DunningStatus>>> = {
  open: { recovered: 'recovered', exhausted: 'exhausted', voided: 'voided', canceled: 'canceled' },
  // The customer may pay by hand until the invoice is void, and somebody may write it off.
  exhausted: { recovered: 'recovered', voided: 'voided' },
  recovered: {},
  voided: {},
  canceled: {},
}

/** The status after an ending, or `undefined` when this status knows no such ending. */
export function nextDunningStatus(status: DunningStatus, ending: DunningEnding): DunningStatus | undefined {
  return transitions[status][ending]
}

/** Who or what made somebody try to collect. `renewal` is the first charge, `customer` a try on Stripe's own page. */
export const attemptTriggers = ['renewal', 'schedule', 'new_card', 'operator', 'customer'] as const
export type AttemptTrigger = (typeof attemptTriggers)[number]

/** `needs_customer`: the bank wants to see the customer, so no charge without them can succeed. */
export const attemptOutcomes = ['succeeded', 'declined', 'needs_customer', 'not_charged'] as const
export type AttemptOutcome = (typeof attemptOutcomes)[number]

/** What decides of a case. */
export interface DunningProgress {
  failedAt: number
  policy: DunningPolicy
  /** How many scheduled retries have been used up. */
  retriesDone: number
  /** Of how many retries the customer has been told beforehand. */
  retriesNoticed: number
  graceEnded: boolean
}

export type DunningStep =
  /** Tell the customer that a retry is about to come. `retry` counts from 1. */
  | { kind: 'notice'; at: number; retry: number }
  | { kind: 'retry'; at: number; retry: number }
  /** Access ends although retries go on. */
  | { kind: 'end_grace'; at: number }
  | { kind: 'exhaust'; at: number }

/** What is to be done next, and when. What is already due at `now` is returned as it is; retries that fell due while nothing
 *  ran collapse into the last of them. */
export function nextDunningStep(progress: DunningProgress, now: number): DunningStep {
  const { policy, failedAt, retriesDone, retriesNoticed } = progress
  const retryTimes = policy.retries.map((retry) => failedAt + duration(retry))
  const graceUntil = graceUntilOf(progress)
  const endOfRetries = retryTimes.at(-1) ?? failedAt

  const nextRetryAt = retryTimes[retriesDone]
  if (nextRetryAt === undefined) return { kind: 'exhaust', at: Math.max(graceUntil, endOfRetries) }

  const retry = Math.max(
    retryTimes.findLastIndex((at) => at <= now),
    retriesDone,
  )
  const steps: DunningStep[] = [{ kind: 'retry', at: retryTimes[retry] ?? nextRetryAt, retry: retry + 1 }]
  // Once the retry is due there is nothing to announce any more.
  if (retriesNoticed <= retriesDone && nextRetryAt > now)
    steps.push({
      kind: 'notice',
      at: nextRetryAt - duration(policy.noticeBefore),
      retry: retriesDone + 1,
    })
  if (!progress.graceEnded) steps.push({ kind: 'end_grace', at: graceUntil })
  // At the same moment the retry comes first: it may pay what would otherwise end access. So a grace that outlasts the
  // retries never ends before the case does.
  return steps.reduce((earliest, step) => (step.at < earliest.at ? step : earliest))
}

/** Until when access stays although nothing was paid. */
export function graceUntilOf({ failedAt, policy }: Pick<DunningProgress, 'failedAt' | 'policy'>): number {
  return failedAt + duration(policy.grace)
}

/** When the next scheduled retry is due; `undefined` when none is left. */
export function nextRetryAtOf({
  failedAt,
  policy,
  retriesDone,
}: Pick<DunningProgress, 'failedAt' | 'policy' | 'retriesDone'>): number | undefined {
  const retry = policy.retries[retriesDone]
  return retry === undefined ? undefined : failedAt + duration(retry)
}

function duration(text: string): number {
  const length_ms = parseDuration(text)
  if (length_ms === undefined) throw new RangeError(`${text} is no duration`)
  return length_ms
}
