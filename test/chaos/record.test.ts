import { describe, expect, it } from 'vitest'
import { pageOf } from './record.ts'
import { makeSchedule } from './schedule.ts'

const machine = { processor: 'A processor', cores: 2, memory_gib: 24, system: 'Linux 6' }

describe('the page of the fault runs', () => {
  it('names for each invariant the seeds that broke it', () => {
    const page = pageOf(
      {
        begunAt: '2027-01-10T12:00:00.000Z',
        took_s: 600,
        runs: [
          { schedule: makeSchedule(1), flaws: [] },
          { schedule: makeSchedule(2), flaws: ['I1, I3: in_1 was charged 2 times', 'I8: a is stuck'] },
          { schedule: makeSchedule(3), flaws: ['it does not come to rest: not within 120 s'] },
        ],
      },
      machine,
    )
    expect(page).toMatch(/Seeds 1 to 3, 3 runs in 10 minutes; 1 of them without a flaw/)
    const cellOf = (invariant: string) =>
      page
        .split('\n')
        .find((line) => line.startsWith(`| ${invariant} |`))
        ?.split('|')
        .at(-2)
        ?.trim()
    expect(['I1', 'I2', 'I3', 'I8', 'rest'].map(cellOf)).toEqual(['2', 'none', '2', '2', '3'])
  })
})
