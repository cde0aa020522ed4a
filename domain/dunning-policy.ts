/** What happens after a failed renewal, as a project chooses it. Durations are ISO 8601 and counted from the failed charge. */

export interface DunningPolicy {
  /** When the charge is tried again, soonest first. */
  retries: string[]
  /** How long access stays although nothing was paid. */
  grace: string
  /** How long before a retry the customer is told of it. */
  noticeBefore: string
  onExhausted: 'cancel' | 'pause' | 'leave_past_due'
}

export const defaultDunningPolicy: DunningPolicy = {
  retries: ['P3D', 'P5D', 'P7D'],
  grace: 'P7D',
  noticeBefore: 'P1D',
  onExhausted: 'cancel',
}

export const MAX_RETRIES = 10
export const MAX_DUNNING_DAYS = 90

const HOUR = 3_600_000
const DAY = 24 * HOUR

export const durationPattern = /^P(?:(\d{1,3})D|T(\d{1,4})H)$/

/** `P3D` or `PT12H` in milliseconds; a day is 24 hours. `undefined` for anything else: months and years have no one length. */
export function parseDuration(text: string): number | undefined {
  const [, days, hours] = durationPattern.exec(text) ?? []
  if (days !== undefined) return Number(days) * DAY
  return hours === undefined ? undefined : Number(hours) * HOUR
}

/** The first rule that a policy of well-formed durations breaks, with the field that breaks it; `undefined` for a sound one. */
export function flawOf(policy: DunningPolicy): { field: keyof DunningPolicy; rule: string } | undefined {
  const retries = policy.retries.map((retry) => parseDuration(retry) ?? Number.NaN)
  // Where nothing is tried again there is nothing to announce.
  const [first = Number.POSITIVE_INFINITY] = retries
  const ascending = retries.every((retry, index) => retry > (retries[index - 1] ?? 0))
  if (!ascending)
    return { field: 'retries', rule: 'must rise, each later than the one before and after the failed charge' }
  if (retries.some((retry) => retry > MAX_DUNNING_DAYS * DAY))
    return { field: 'retries', rule: `must all fall within ${MAX_DUNNING_DAYS} days of the failed charge` }
  if ((parseDuration(policy.grace) ?? 0) > MAX_DUNNING_DAYS * DAY)
    return { field: 'grace', rule: `must be at most ${MAX_DUNNING_DAYS} days` }
  if ((parseDuration(policy.noticeBefore) ?? 0) > first)
    return { field: 'noticeBefore', rule: 'must not be longer than the time to the first retry' }
  return undefined
}
