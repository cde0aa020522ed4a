import { describe, expect, it } from 'vitest'
import { intervalsAfter } from '../../../local/stripe/calendar.ts'

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
