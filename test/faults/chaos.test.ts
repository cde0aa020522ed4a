import { afterAll, describe, expect, inject, it } from 'vitest'
import { createRunner } from '../chaos/run.ts'
import { makeSchedule } from '../chaos/schedule.ts'
import { part } from '../support/stack.ts'

const runner = createRunner({
  runDirectory: inject('runDirectory'),
  workflowBundle: part('workflowBundle').file,
})
afterAll(() => runner.end())

// `npm run chaos -- --seeds N` plays as many as one likes.
describe('a fault run', () => {
  it.each([1, 2])('of seed %i breaks no invariant', { timeout: 300_000 }, async (seed) => {
    const { flaws } = await runner.play(makeSchedule(seed))
    expect(flaws).toEqual([])
  })
})
