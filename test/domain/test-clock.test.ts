import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PlanInterval } from '../../domain/catalog.ts'
import { nextClockTime } from '../../domain/test-clock.ts'

const DAY = 24 * 3_600_000
const at = Date.parse('2026-01-31T00:00:00Z')
const alone = { at, targetTime: at + 400 * DAY, deadline: undefined, interval: undefined }

describe('the next time of a test clock', () => {
  it('is where it is to go when nothing is due on the way', () => {
    expect(nextClockTime(alone)).toBe(at + 400 * DAY)
  })

  it('is the earliest deadline before that', () => {
    expect(nextClockTime({ ...alone, deadline: at + 3 * DAY })).toBe(at + 3 * DAY)
    expect(nextClockTime({ ...alone, deadline: at + 500 * DAY })).toBe(at + 400 * DAY)
  })

  it.each<[PlanInterval, number]>([
    ['day', 2],
    ['week', 14],
    ['month', 56],
    ['year', 400],
  ])('is at most what Stripe takes in one step with a subscription by the %s: %i days', (interval, days) => {
    expect(nextClockTime({ ...alone, interval })).toBe(at + days * DAY)
  })

  it('reaches a deadline within a second at the end of that second', () => {
    expect(nextClockTime({ ...alone, deadline: at + 1 })).toBe(at + 1000)
    expect(nextClockTime({ ...alone, deadline: at + 1001 })).toBe(at + 2000)
  })

  it('goes on by a second where a deadline is behind it, so that it always gets on', () => {
    expect(nextClockTime({ ...alone, deadline: at - DAY })).toBe(at + 1000)
  })

  const anyClock = fc
    .record({
      seconds: fc.integer({ min: 0, max: 4_000_000_000 }),
      ahead: fc.integer({ min: 1, max: 800 * 86_400 }),
      deadline: fc.option(fc.integer({ min: -DAY, max: 900 * DAY }), { nil: undefined }),
      interval: fc.option(fc.constantFrom<PlanInterval>('day', 'week', 'month', 'year'), { nil: undefined }),
    })
    .map(({ seconds, ahead, deadline, interval }) => ({
      at: seconds * 1000,
      targetTime: (seconds + ahead) * 1000,
      deadline: deadline === undefined ? undefined : seconds * 1000 + deadline,
      interval,
    }))

  it('is later than now, a whole second, never past the target, and arrives in the end', () => {
    fc.assert(
      fc.property(anyClock, (clock) => {
        const next = nextClockTime(clock)
        expect(next).toBeGreaterThan(clock.at)
        expect(next).toBeLessThanOrEqual(clock.targetTime)
        expect(next % 1000).toBe(0)
      }),
    )
  })

  it('jumps over no deadline that is still to come', () => {
    fc.assert(
      fc.property(anyClock, (clock) => {
        const { deadline } = clock
        if (deadline === undefined || deadline <= clock.at) return
        expect(nextClockTime(clock)).toBeLessThan(deadline + 1000)
      }),
    )
  })
})
