/** `npm run bench` as whoever wants figures runs it: one row, once. How good they are is not judged here, where others share
 *  the machine. */

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Report } from '../../bench/report.ts'
import { npmRun } from '../support/npm-run.ts'

const root = path.resolve(import.meta.dirname, '..', '..')

describe('the bench', () => {
  it(
    'measures ours and the bare program in one run, and keeps the figures',
    { timeout: 300_000 },
    async () => {
      const { code, output } = await npmRun('bench', 'B3', '--rounds', '1')
      expect(output).toMatch(/accepted, per second +[\d,.]+ \(.*\) +[\d,.]+ \(.*\) +[\d.]+ \(/)
      expect(code).toBe(0)
      const report = JSON.parse(
        await readFile(path.join(root, 'bench', 'results', 'latest.json'), 'utf8'),
      ) as Report
      expect(report.rows.map(({ id }) => id)).toEqual(['B3'])
      for (const { ours, bare, ratio } of report.rows.flatMap(({ figures }) => figures))
        expect(ratio.median).toBeCloseTo(ours.median / bare.median)
    },
  )

  it('says which rows there are when one is asked for that is not', { timeout: 60_000 }, async () => {
    const { code, output } = await npmRun('bench', 'B99')
    expect(code).not.toBe(0)
    expect(output).toContain('There is no row B99. There are B1, B2')
  })
})
