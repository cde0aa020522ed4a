import { describe, expect, it } from 'vitest'
import { runWith, still } from './made-up-run.ts'
import { checksOf, judgeMeasures, type SoakRun } from './verdicts.ts'

const failedChecks = (run: SoakRun) => checksOf(run).flatMap(({ name, passed }) => (passed ? [] : [name]))

describe('a soak run', () => {
  it('passes when nothing grows and nothing is wrong', () => {
    expect(failedChecks(runWith({}))).toEqual([])
  })

  it('fails by memory that grows, of our processes only', () => {
    const leak = (at_s: number) => 100 + at_s / 20
    expect(failedChecks(runWith({ 'worker: memory': leak, 'Kafka: memory': leak }))).toEqual([
      'worker: memory: stays',
    ])
  })

  it('judges a heap by what garbage collection leaves', () => {
    const teeth = (at_s: number) => 100 + (at_s % 40) * 3
    expect(failedChecks(runWith({ 'API: heap in use': teeth }))).toEqual([])
    expect(failedChecks(runWith({ 'API: heap in use': (at_s) => teeth(at_s) + at_s / 20 }))).toEqual([
      'API: heap in use: stays',
    ])
  })

  it('fails by a queue that grows, and by one that is not empty in the end', () => {
    expect(failedChecks(runWith({ 'mails not sent': (at_s) => at_s / 10 }))).toEqual([
      'mails not sent: no more and more',
    ])
    const settled = { ...still, 'refunds under way': 1 }
    expect(failedChecks(runWith({}, { settled }))).toEqual(['refunds under way: no more and more'])
  })

  it('fails by whatever else it must not show', () => {
    const complaint = {
      process: 'api',
      level: 'error',
      message: 'request failed',
      times: 2,
      example: '',
    } as const
    const run = runWith(
      {},
      {
        counts: { due: 100, leftOut: 20, done: 80 },
        answers: { all: 1_000, busy: 11, failed: 1 },
        deadlocks: 1,
        wasRestarted: true,
        complaints: [complaint],
        flaws: ['I8: a workflow is stuck'],
      },
    )
    expect(failedChecks(run)).toHaveLength(7)
  })

  it('does not judge by a few samples', () => {
    const run = runWith({ 'API: memory': (at_s) => at_s })
    const [memory] = judgeMeasures({ ...run, samples: run.samples.slice(0, 20) })
    expect(memory).toMatchObject({ name: 'API: memory', says: 'too short to tell' })
    expect(memory?.passed).toBeUndefined()
  })
})
