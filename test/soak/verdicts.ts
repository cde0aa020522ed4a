import { type Complaint, reasonFor } from './log-lines.ts'
import { floorOf, judgeLevel, judgeQueue, LEVEL_GROWTH_AT_MOST, type Point } from './judge.ts'
import type { Answers } from './sampler.ts'
import { type Measure, measureNames, type MeasureName, measures, type Sample } from './measures.ts'

/** What a soak run has seen. */
export interface SoakRun {
  /** RFC 3339. */
  begunAt: string
  minutes: number
  seed: number
  perSecond: number
  projects: number
  counts: { due: number; leftOut: number; done: number }
  tally: Record<string, number>
  samples: { at_s: number; sample: Sample }[]
  /** When all had settled; none when it did not come to that. */
  settled: Sample | undefined
  answers: Answers
  deadlocks: number
  wasRestarted: boolean
  complaints: Complaint[]
  /** A sentence for each answer that there must not be, each broken invariant and each thing that did not come to rest. */
  flaws: string[]
}

export interface JudgedMeasure extends Measure {
  name: MeasureName
  points: Point[]
  /** What it did, in words and numbers. */
  says: string
  /** Unset where there is nothing to judge, or too little to judge by. */
  passed?: boolean
}

export interface Check {
  name: string
  passed: boolean
  says: string
}

/** Garbage is collected at least once within so many samples. */
const SAMPLES_PER_COLLECTION = 4
/** On a machine that others keep busy as well, Temporal answers late now and then. */
const BUSY_AT_MOST = 0.01
/** Less of the load than this tells nothing of the rest. */
const LOAD_AT_LEAST = 0.9

export function judgeMeasures({ samples, settled }: Pick<SoakRun, 'samples' | 'settled'>): JudgedMeasure[] {
  return measureNames.map((name) => {
    const { unit, judgedAs } = measures[name]
    const points = samples
      .map(({ at_s, sample }) => ({ at_s, value: sample[name] }))
      .filter(({ value }) => Number.isFinite(value))
    const measure = { name, unit, judgedAs, points }
    if (judgedAs === 'queue') return { ...measure, ...verdictOnQueue(points, settled?.[name]) }
    const level = verdictOnLevel(judgedAs === 'heap' ? floorOf(points, SAMPLES_PER_COLLECTION) : points, unit)
    return { ...measure, ...level, ...(judgedAs === 'shown' && { passed: undefined }) }
  })
}

function verdictOnLevel(points: Point[], unit: string) {
  const { verdict, median, growth, perHour } = judgeLevel(points)
  const share = median === 0 ? 0 : (growth / median) * 100
  const says = `${signed(share)} %, ${[signed(perHour), unit].filter(Boolean).join(' ')} an hour`
  if (verdict === 'too short') return { says: 'too short to tell' }
  return { says, passed: verdict === 'flat' }
}

function verdictOnQueue(points: Point[], settled: number | undefined) {
  const { verdict, middle, last } = judgeQueue(points)
  const says = `${middle}, then ${last}; ${settled ?? 'unknown'} in the end`
  return { says, passed: verdict === 'steady' && settled === 0 }
}

/** Everything that a run must show. */
export function checksOf(run: SoakRun, judged: JudgedMeasure[] = judgeMeasures(run)): Check[] {
  const { counts, answers, deadlocks, wasRestarted, complaints, flaws } = run
  const unexplained = complaints.filter((complaint) => reasonFor(complaint) === undefined)
  return [
    ...judged.flatMap(({ name, judgedAs, says, passed }) =>
      passed === undefined
        ? []
        : [{ name: judgedAs === 'queue' ? `${name}: no more and more` : `${name}: stays`, passed, says }],
    ),
    {
      name: 'the load was held',
      passed: counts.done >= counts.due * LOAD_AT_LEAST,
      says: `${counts.done} of ${counts.due} operations that fell due`,
    },
    {
      name: 'no answer blames the API',
      passed: answers.failed === 0,
      says: `${answers.failed} of ${answers.all} answers`,
    },
    {
      name: 'few answers ask to come again',
      passed: answers.busy <= answers.all * BUSY_AT_MOST,
      says: `${answers.busy} of ${answers.all} answers`,
    },
    { name: 'no deadlock in Postgres', passed: deadlocks === 0, says: `${deadlocks} deadlocks` },
    {
      name: 'no complaint is unexplained',
      passed: unexplained.length === 0,
      says: unexplained.map(({ message, times }) => `${times} × ${message}`).join('; ') || 'none',
    },
    {
      name: 'no process was restarted',
      passed: !wasRestarted,
      says: wasRestarted ? 'one was' : 'none',
    },
    {
      name: 'all answers are final, all comes to rest, all invariants hold',
      passed: flaws.length === 0,
      says: flaws.length === 0 ? 'no flaw' : `${flaws.length} flaws`,
    },
  ]
}

export const judgement = `Of a level (memory, files, connections) the first half is left out, in which caches fill; over the second, the slope of Theil and Sen times its duration must stay within ${LEVEL_GROWTH_AT_MOST * 100} % of the median, or the least of its last third within that of its first. Of a heap each point is the least of ${SAMPLES_PER_COLLECTION} samples: what garbage collection leaves. A queue must not be longer in the last third than in the middle one, beyond half of it and a few, and empty when all has settled.`

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`
