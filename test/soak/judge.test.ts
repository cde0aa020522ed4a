import { describe, expect, it } from 'vitest'
import { createRandom } from '../support/random.ts'
import { floorOf, judgeLevel, judgeQueue, medianOf, type Point, slopeOf } from './judge.ts'

/** Half an hour, sampled every ten seconds. */
const series = (valueAt: (at_s: number, index: number) => number, count = 180): Point[] =>
  Array.from({ length: count }, (_, index) => ({ at_s: index * 10, value: valueAt(index * 10, index) }))
const noise = createRandom(7)
/** From -1 to 1. */
const around = () => noise() * 2 - 1
/** Rises from 0 to 1 and falls back at once. */
const tooth = (at_s: number, period_s: number) => (at_s % period_s) / period_s

describe('a level', () => {
  it('is flat when nothing changes', () => {
    expect(judgeLevel(series(() => 200))).toEqual({ verdict: 'flat', median: 200, growth: 0, perHour: 0 })
  })

  it('is flat when it is noisy', () => {
    expect(judgeLevel(series(() => 200 + 40 * around())).verdict).toBe('flat')
  })

  it('is flat when it has grown while it warmed up', () => {
    expect(judgeLevel(series((at_s) => 200 - 100 * Math.exp(-at_s / 150))).verdict).toBe('flat')
  })

  it('is flat when it goes up and down like a saw, slowly or fast', () => {
    for (const period_s of [40, 130, 300])
      expect(judgeLevel(series((at_s) => 100 + 50 * tooth(at_s, period_s))).verdict).toBe('flat')
  })

  it('is flat when it sinks', () => {
    expect(judgeLevel(series((at_s) => 400 - at_s / 10)).verdict).toBe('flat')
  })

  it('is flat with spikes, however late and high they are', () => {
    expect(judgeLevel(series((_, index) => (index % 25 === 20 ? 2_000 : 200))).verdict).toBe('flat')
  })

  it('grows when a leak adds a fifth in the half that is judged, also under noise', () => {
    const leak = (at_s: number) => 200 + at_s * 0.05
    const { verdict, perHour } = judgeLevel(series((at_s) => leak(at_s) + 10 * around()))
    expect(verdict).toBe('grows')
    expect(perHour).toBeGreaterThan(150)
    expect(perHour).toBeLessThan(210)
  })

  it('grows when the teeth of a saw stand on a slope', () => {
    expect(judgeLevel(series((at_s) => 100 + at_s * 0.05 + 30 * tooth(at_s, 130))).verdict).toBe('grows')
  })

  it('is not judged from a few points', () => {
    expect(judgeLevel(series((at_s) => at_s, 20)).verdict).toBe('too short')
    expect(judgeLevel([]).verdict).toBe('too short')
  })
})

describe('a queue', () => {
  it('is steady when it is empty, also where it was long at first', () => {
    expect(judgeQueue(series(() => 0))).toEqual({ verdict: 'steady', middle: 0, last: 0 })
    expect(judgeQueue(series((at_s) => Math.max(0, 300 - at_s))).verdict).toBe('steady')
  })

  it('is steady when it comes and goes', () => {
    expect(judgeQueue(series((at_s) => 60 * tooth(at_s, 90))).verdict).toBe('steady')
  })

  it('is steady when a few more are in it than before', () => {
    expect(judgeQueue(series((at_s) => (at_s > 1_200 ? 3 : 0))).verdict).toBe('steady')
  })

  it('grows when more comes than goes', () => {
    expect(judgeQueue(series((at_s) => at_s / 20))).toMatchObject({ verdict: 'grows' })
  })
})

describe('the floor of a saw', () => {
  it('is its least points, with their times', () => {
    const saw = series((at_s) => 100 + at_s / 100 + 50 * tooth(at_s, 60), 18)
    expect(floorOf(saw, 6)).toEqual([
      { at_s: 0, value: 100 },
      { at_s: 60, value: 100.6 },
      { at_s: 120, value: 101.2 },
    ])
  })

  it('leaves out what does not fill a part', () => {
    expect(
      floorOf(
        series(() => 1, 7),
        6,
      ),
    ).toHaveLength(1)
  })
})

describe('slope and median', () => {
  it('are those of the middle', () => {
    expect(medianOf([])).toBe(0)
    expect(medianOf([3, 1, 2])).toBe(2)
    expect(medianOf([4, 1, 2, 3])).toBe(2.5)
    expect(slopeOf(series((at_s) => 5 + 2 * at_s, 9))).toBe(2)
    expect(slopeOf([{ at_s: 1, value: 1 }])).toBe(0)
  })
})
