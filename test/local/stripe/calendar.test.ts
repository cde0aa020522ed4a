import { describe, expect, it } from 'vitest'
import { intervalAround, intervalsAfter } from '../../../local/stripe/calendar.ts'

const at = (text: string) => Date.parse(`${text}T10:30:00Z`) / 1000
const day = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10)

describe('periods end on the day of their anchor', () => {
  it.each([
    ['2027-01-31', 'month', 1, 1, '2027-02-28'],
    ['2027-01-31', 'month', 1, 2, '2027-03-31'],
    ['2027-01-31', 'month', 1, 3, '2027-04-30'],
    ['2028-01-31', 'month', 1, 1, '2028-02-29'],
    ['2028-02-29', 'year', 1, 1, '2029-02-28'],
    ['2028-02-29', 'year', 1, 4, '2032-02-29'],
    ['2027-11-30', 'month', 3, 1, '2028-02-29'],
    ['2027-12-31', 'month', 1, 1, '2028-01-31'],
    ['2027-03-01', 'week', 2, 1, '2027-03-15'],
    ['2027-03-01', 'day', 1, 3, '2027-03-04'],
  ] as const)('%s and %s × %i, %i times, is %s', (anchor, interval, interval_count, times, end) => {
    const found = intervalsAfter(at(anchor), { interval, interval_count }, times)
    expect(day(found)).toBe(end)
    expect(found % 86_400).toBe(at(anchor) % 86_400)
  })
})

describe('a moment falls into one period', () => {
  const recurrences = [
    { interval: 'day', interval_count: 1 },
    { interval: 'week', interval_count: 2 },
    { interval: 'month', interval_count: 1 },
    { interval: 'month', interval_count: 3 },
    { interval: 'year', interval_count: 1 },
  ] as const

  it.each(recurrences)('$interval_count $interval, after the anchor and before it', (recurrence) => {
    for (const anchor of ['2027-01-31', '2028-02-29', '2027-06-15'].map(at))
      for (let days = -1500; days <= 1500; days += 13) {
        const moment = anchor + days * 86_400 + 7
        const { start, end } = intervalAround(anchor, recurrence, moment)
        expect(start).toBeLessThanOrEqual(moment)
        expect(end).toBeGreaterThan(moment)
        // The next one begins where this one ends.
        expect(intervalAround(anchor, recurrence, end).start).toBe(end)
      }
  })

  it('begins with its first second', () => {
    const anchor = at('2027-01-31')
    const recurrence = { interval: 'month', interval_count: 1 } as const
    expect(intervalAround(anchor, recurrence, anchor).start).toBe(anchor)
    expect(intervalAround(anchor, recurrence, anchor - 1).end).toBe(anchor)
  })
})
