import { describe, expect, it } from 'vitest'
import { faults, makeSchedule, operations } from './schedule.ts'

const schedules = Array.from({ length: 300 }, (_, seed) => makeSchedule(seed))

describe('the schedules of fault runs', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(makeSchedule(7)).toEqual(makeSchedule(7))
    expect(makeSchedule(7).happenings).not.toEqual(makeSchedule(8).happenings)
  })

  it('have 20 to 60 operations and 3 to 8 faults each, in the order of their steps', () => {
    for (const { happenings } of schedules) {
      const made = happenings.filter((one) => 'operation' in one).length
      expect(made).toBeGreaterThanOrEqual(20)
      expect(made).toBeLessThanOrEqual(60)
      const struck = happenings.filter((one) => 'fault' in one).length
      expect(struck).toBeGreaterThanOrEqual(3)
      expect(struck).toBeLessThanOrEqual(8)
      const steps = happenings.map(({ step }) => step)
      expect(steps).toEqual(steps.toSorted((a, b) => a - b))
    }
  })

  it('leave out no operation and no fault', () => {
    const all = schedules.flatMap(({ happenings }) => happenings)
    expect(new Set(all.flatMap((one) => ('operation' in one ? [one.operation] : [])))).toEqual(
      new Set(operations),
    )
    expect(new Set(all.flatMap((one) => ('fault' in one ? [one.fault] : [])))).toEqual(new Set(faults))
  })
})
