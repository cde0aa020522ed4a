import { describe, expect, it } from 'vitest'
import { plannedPeriodEnd } from '../../domain/periods.ts'

describe('the period after a planned change', () => {
  it.each([
    ['2027-04-10', '2027-05-10', 'month', 'month', '2027-06-10'],
    ['2027-01-31', '2027-02-28', 'month', 'month', '2027-03-31'],
    ['2028-02-29', '2028-03-31', 'month', 'month', '2028-04-30'],
    ['2027-11-30', '2027-12-30', 'month', 'month', '2028-01-30'],
    ['2027-01-31', '2027-02-28', 'month', 'year', '2028-02-28'],
    ['2027-02-28', '2028-02-28', 'year', 'month', '2028-03-28'],
    ['2028-02-29', '2029-02-28', 'year', 'year', '2030-02-28'],
    ['2027-12-24', '2027-12-31', 'week', 'week', '2028-01-07'],
    ['2027-12-30', '2027-12-31', 'day', 'day', '2028-01-01'],
  ] as const)(
    'of one from %s to %s, by the %s and then by the %s, ends on %s',
    (from, to, now, then, end) => {
      const period = {
        currentPeriodStart: Date.parse(`${from}T12:30:00Z`),
        currentPeriodEnd: Date.parse(`${to}T12:30:00Z`),
      }
      expect(new Date(plannedPeriodEnd(period, now, then)).toISOString()).toBe(`${end}T12:30:00.000Z`)
    },
  )
})
