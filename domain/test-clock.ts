import type { PlanInterval } from './catalog.ts'

/** Where a test clock goes next. Times in milliseconds since 1970. */

const DAY = 24 * 3_600_000

/** Two of the shortest interval is what Stripe allows in one step; a month is taken at its shortest.
 *  Source: https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage */
const longestStep: Record<PlanInterval, number> = {
  day: 2 * DAY,
  week: 14 * DAY,
  month: 56 * DAY,
  year: 730 * DAY,
}

/** The next time at which something is due, as far as Stripe lets the clock go at once. */
export function nextClockTime({
  at,
  targetTime,
  deadline,
  interval,
}: {
  at: number
  targetTime: number
  /** The earliest deadline of a workflow on the clock. */
  deadline: number | undefined
  /** Of the subscription that renews most often. */
  interval: PlanInterval | undefined
}): number {
  const limit = interval === undefined ? targetTime : at + longestStep[interval]
  const next = Math.min(targetTime, limit, deadline ?? targetTime)
  // Stripe's clocks know whole seconds: a deadline within one is reached at its end.
  return Math.min(targetTime, Math.max(Math.ceil(next / 1000) * 1000, at + 1000))
}
