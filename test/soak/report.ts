import type { MachineFacts } from '../support/machine.ts'
import { reasonFor } from './log-lines.ts'
import { medianOf, type Point } from './judge.ts'
import {
  type Check,
  checksOf,
  type JudgedMeasure,
  judgeMeasures,
  judgement,
  type SoakRun,
} from './verdicts.ts'

const heading = ['', 'least', 'median', 'most', 'course', 'second half, or queue', '']
const marks = '▁▂▃▄▅▆▇█'.split('')
const COURSE_LENGTH = 30

/** The course of a series in so many characters, from 0 to its most. */
export function sparkline(points: readonly Point[], length = COURSE_LENGTH): string {
  const most = Math.max(0, ...points.map(({ value }) => value))
  const size = points.length / Math.min(length, points.length)
  return Array.from({ length: Math.min(length, points.length) }, (_, index) => {
    const part = points.slice(Math.floor(index * size), Math.max(Math.floor((index + 1) * size), index + 1))
    const mean = part.reduce((sum, { value }) => sum + value, 0) / part.length
    return marks[most === 0 ? 0 : Math.min(marks.length - 1, Math.floor((mean / most) * marks.length))]
  }).join('')
}

/** What was measured, as a table for a terminal. */
export function terminalTable(judged: readonly JudgedMeasure[]): string {
  const lines = [heading, ...judged.map(cellsOf)]
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  const isNumber = (column: number) => column > 0 && column < 4
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export const checkLines = (checks: readonly Check[]): string =>
  checks.map(({ name, passed, says }) => `${passed ? '✓' : '✗'} ${name} (${says})`).join('\n')

/** `docs/soak.md`. */
export function pageOf(run: SoakRun, machine: MachineFacts): string {
  const { minutes, seed, perSecond, projects, counts, complaints, flaws, tally } = run
  const judged = judgeMeasures(run)
  const checks = checksOf(run, judged)
  const passed = checks.filter((check) => check.passed).length
  return [
    '# What the soak run shows',
    'Made by `npm run soak -- --minutes N --record`; do not edit. Every operation that the product knows, at a steady rate and without faults: projects come, live on test clocks for two minutes and are wound up, and in each of them users come, act and go. So the load does not grow, and nothing else may.',
    `Run on ${run.begunAt.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}; servers, product and load share it. Seed ${seed}, ${minutes} minutes, ${perSecond} operations a second; ${counts.done} were done in ${projects} projects. ${passed} of ${checks.length} checks passed.`,
    judgement,
    table(heading, judged.map(cellsOf)),
    '## What is checked',
    table(
      ['check', 'passed', ''],
      checks.map(({ name, passed, says }) => [name, passed ? 'yes' : '**no**', says]),
    ),
    ...(flaws.length > 0 ? ['## Flaws', flaws.map((flaw) => `- ${flaw}`).join('\n')] : []),
    '## What was complained of',
    complaints.length === 0
      ? 'Neither API nor worker wrote a warning or an error into its log.'
      : table(
          ['process', 'message', 'level', 'times', 'why that is no fault'],
          complaints.map((complaint) => [
            complaint.process,
            complaint.message,
            complaint.level,
            String(complaint.times),
            reasonFor(complaint) ?? '**unexplained**',
          ]),
        ),
    '## What was done',
    table(
      ['operation and what came of it', 'times'],
      inOrder(tally).map(([what, times]) => [what, String(times)]),
    ),
  ].join('\n\n')
}

export const inOrder = (tally: Record<string, number>): [string, number][] =>
  Object.entries(tally).toSorted(([one], [other]) => one.localeCompare(other))

function cellsOf({ name, unit, points, says, passed }: JudgedMeasure): string[] {
  const values = points.map(({ value }) => value)
  const verdict = passed === undefined ? '' : passed ? 'good' : 'GROWS'
  return [
    unit === '' ? name : `${name}, ${unit}`,
    ...[Math.min(...values), medianOf(values), Math.max(...values)].map(short),
    sparkline(points),
    says,
    verdict,
  ]
}

function table(heading: string[], rows: string[][]): string {
  const row = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n')
}

function short(value: number): string {
  if (!Number.isFinite(value)) return '?'
  return Number.isInteger(value) || value >= 100 ? String(Math.round(value)) : value.toFixed(1)
}
