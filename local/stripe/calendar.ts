import type { Interval } from './objects/shared.ts'

export interface Recurrence {
  interval: Interval
  interval_count: number
}

const seconds = { day: 24 * 60 * 60, week: 7 * 24 * 60 * 60 }

/** The moment that lies so many intervals after an anchor, in UTC. A month that is too short for the anchor's day
 *  gives its last day, and because one always counts from the anchor, the month after gives the whole day again. */
export function intervalsAfter(
  anchor: number,
  { interval, interval_count }: Recurrence,
  times: number,
): number {
  const count = interval_count * times
  if (interval === 'day' || interval === 'week') return anchor + seconds[interval] * count
  const start = new Date(anchor * 1000)
  const months = start.getUTCMonth() + count * (interval === 'year' ? 12 : 1)
  const daysInMonth = new Date(Date.UTC(start.getUTCFullYear(), months + 1, 0)).getUTCDate()
  const end = new Date(anchor * 1000)
  end.setUTCFullYear(start.getUTCFullYear(), months, Math.min(start.getUTCDate(), daysInMonth))
  return end.getTime() / 1000
}

const longest = { day: 1, week: 7, month: 31, year: 366 }
const shortest = { day: 1, week: 7, month: 28, year: 365 }

/** The interval that a moment falls into, of those that follow an anchor or come before it. */
export function intervalAround(
  anchor: number,
  recurrence: Recurrence,
  at: number,
): { start: number; end: number } {
  // As many intervals as have surely passed; the rest is a step or two.
  const days = (at < anchor ? shortest : longest)[recurrence.interval] * recurrence.interval_count
  let times = Math.floor((at - anchor) / (days * seconds.day))
  while (intervalsAfter(anchor, recurrence, times + 1) <= at) times += 1
  return {
    start: intervalsAfter(anchor, recurrence, times),
    end: intervalsAfter(anchor, recurrence, times + 1),
  }
}
