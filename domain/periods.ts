import type { PlanInterval } from './catalog.ts'
import type { KnownSubscription } from './subscription.ts'

const DAY = 24 * 3_600_000

/** When the period ends that follows the current one under a planned change, in milliseconds since 1970. The same interval
 *  keeps the day of the month, as far as a month has it; another begins a cycle of its own. */
export function plannedPeriodEnd(
  {
    currentPeriodStart,
    currentPeriodEnd,
  }: Pick<KnownSubscription, 'currentPeriodStart' | 'currentPeriodEnd'>,
  current: PlanInterval,
  planned: PlanInterval,
): number {
  if (planned === 'day') return currentPeriodEnd + DAY
  if (planned === 'week') return currentPeriodEnd + 7 * DAY
  const end = new Date(currentPeriodEnd)
  const begunOn = new Date(currentPeriodStart).getUTCDate()
  // The last day of a short month stands for a later one: one of its ends shows which.
  const day = planned === current ? Math.max(begunOn, end.getUTCDate()) : end.getUTCDate()
  const month = end.getUTCMonth() + (planned === 'year' ? 12 : 1)
  const daysInMonth = new Date(Date.UTC(end.getUTCFullYear(), month + 1, 0)).getUTCDate()
  return new Date(currentPeriodEnd).setUTCFullYear(end.getUTCFullYear(), month, Math.min(day, daysInMonth))
}
