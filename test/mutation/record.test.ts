import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { pageOf } from './record.ts'
import { isEnough, type MutantResult, percentOf, rowsOf, scoreOf } from './score.ts'
import { leftOut, subjectsIn } from './subjects.ts'

const root = path.resolve(import.meta.dirname, '..', '..')

const source = 'const a = 1\nconst b = a > 0 &&\n  a < 5\n'
const mutant = (status: string, seen: Partial<MutantResult> = {}): MutantResult => ({
  status,
  replacement: 'true',
  location: { start: { line: 2, column: 11 }, end: { line: 3, column: 8 } },
  ...seen,
})
const score = (file: string, ...statuses: string[]) =>
  scoreOf(
    file,
    source,
    statuses.map((status) => mutant(status)),
  )

describe('the score of a file', () => {
  it('counts as killed what fails a test, never ends or cannot be loaded, and leaves out what was not to run', () => {
    const one = score('a.ts', 'Killed', 'Timeout', 'RuntimeError', 'Survived', 'NoCoverage', 'Ignored')
    expect(one).toMatchObject({ killed: 3, leftOut: 1 })
    expect(one.survivors).toHaveLength(2)
    expect(percentOf([one])).toBe(60)
  })

  it('shows each survivor as it is written, on one line', () => {
    expect(score('a.ts', 'Survived').survivors).toEqual([
      { line: 2, code: 'a > 0 && a < 5', mutant: 'true', why: undefined },
    ])
  })

  it('is enough where neither all nor the ledger alone falls short', () => {
    const good = score('domain/a.ts', ...Array.from({ length: 99 }, () => 'Killed'), 'Survived')
    expect(isEnough([good])).toBe(true)
    expect(isEnough([good, score('db/ledger.ts', 'Killed', 'Survived')])).toBe(false)
    expect(isEnough([score('domain/a.ts', 'Killed', 'Survived')])).toBe(false)
  })

  it('is summed up below the files', () => {
    expect(rowsOf([score('domain/a.ts', 'Survived'), score('domain/ledger.ts', 'Killed')])).toEqual([
      ['domain/a.ts', '0', '1', '0.0 %'],
      ['domain/ledger.ts', '1', '0', '100.0 %'],
      ['the ledger', '1', '0', '100.0 %'],
      ['all', '1', '1', '50.0 %'],
    ])
  })
})

it('every file of the domain is mutated or left out with a reason, and has tests of its own name', () => {
  const subjects = subjectsIn(root)
  const named = [...subjects.flatMap(({ tests }) => tests), ...Object.keys(leftOut)]
  expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([])
  expect(subjects.map(({ file }) => file)).toEqual(
    expect.arrayContaining(['domain/money.ts', 'db/ledger.ts']),
  )
})

it('the page shows what survived as code, also where it holds a bar or a backtick', () => {
  const survivors = [
    { line: 7, code: 'a || `b`', mutant: '', why: undefined },
    { line: 9, code: '>', mutant: '>=', why: 'the same at the bound' },
  ]
  const page = pageOf(
    {
      begunAt: '2027-01-10T12:00:00.000Z',
      took_s: 600,
      scores: [{ file: 'domain/a.ts', killed: 18, leftOut: 3, survivors }],
    },
    { processor: 'A processor', cores: 2, memory_gib: 24, system: 'Linux 6' },
    { stryker: '9', vitest: '4' },
  )
  expect(page).toContain('| domain/a.ts:7 | `` a \\|\\| `b` `` | nothing | not looked at yet |')
  expect(page).toContain('| domain/a.ts:9 | `>` | `>=` | the same at the bound |')
  expect(page).toContain('| all | 18 | 2 | 90.0 % |')
  expect(page).toMatch(/Not counted: 3 mutants of words/)
})
