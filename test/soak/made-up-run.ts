import { measureNames, type MeasureName, type Sample } from './measures.ts'
import type { SoakRun } from './verdicts.ts'

/** A sample of a product at rest. */
export const still = Object.fromEntries(
  measureNames.map((name) => [name, /memory|heap|files|connections/.test(name) ? 100 : 0]),
) as Sample

/** Half an hour in which nothing grows but what is given. */
export function runWith(
  growing: Partial<Record<MeasureName, (at_s: number) => number>>,
  more: Partial<SoakRun> = {},
) {
  const samples = Array.from({ length: 180 }, (_, index) => {
    const at_s = (index + 1) * 10
    const grown = Object.entries(growing).map(([name, valueAt]) => [name, valueAt(at_s)])
    return { at_s, sample: { ...still, ...(Object.fromEntries(grown) as Partial<Sample>) } }
  })
  return {
    begunAt: '2027-01-10T12:00:00.000Z',
    minutes: 30,
    seed: 1,
    perSecond: 2,
    projects: 60,
    counts: { due: 3_600, leftOut: 10, done: 3_590 },
    tally: { 'cancels: done': 12, 'buys a book: done': 40 },
    samples,
    settled: still,
    answers: { all: 20_000, busy: 20, failed: 0 },
    deadlocks: 0,
    wasRestarted: false,
    complaints: [],
    flaws: [],
    ...more,
  } satisfies SoakRun
}
