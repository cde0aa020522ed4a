import type { MachineFacts } from '../test/support/machine.ts'
import type { Compared } from './compare.ts'
import type { Aim, Row } from './row.ts'
import type { Spread } from './statistics.ts'

export interface Report {
  /** RFC 3339. */
  measuredAt: string
  rounds: number
  machine: Machine
  rows: (Pick<Row, 'id' | 'name' | 'bareProgram' | 'whyMore'> & { figures: Compared[] })[]
}

export interface Machine extends MachineFacts {
  /** Processes that wanted to run in the minute before, as the system tells: above 1, others were measured too. */
  loadBefore: number
  versions: Record<string, string>
}

const heading = ['', 'figure', 'ours', 'bare', 'ours / bare', 'aim', '']

/** The figures as a table for a terminal. */
export function terminalTable(rows: Report['rows']): string {
  const lines = [heading, ...rows.flatMap(linesOf)]
  // The name of a row stands alone in its line and may be longer than any figure's.
  const figures = lines.filter(([id]) => id === '')
  const widths = heading.map((_, column) =>
    column === 0 ? 2 : Math.max(...figures.map((line) => (line[column] ?? '').length)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The page for the repository. */
export function markdownReport(report: Report): string {
  const { machine, rows, rounds, measuredAt } = report
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  return [
    '# Figures',
    'Made by `npm run bench`; do not edit. Each row stands beside a _bare_ program that does the same unavoidable work on the same servers in the same run.',
    `Measured on ${measuredAt.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}; ${versions.join(', ')}. ` +
      `Load of the machine before the run: ${machine.loadBefore.toFixed(1)}. Servers, both programs and the clients that measure them share it.`,
    `Medians of ${rounds} rounds that alternate between the two, after one that warms up; the least and the most of the rounds in brackets. The ratio is the median of the ratios of each round.`,
    '![What each thing costs us, as a multiple of what it costs the bare program](pictures/bench.svg)',
    [row(heading), row(heading.map(() => '---')), ...rows.flatMap(linesOf).map(row)].join('\n'),
    '## What is compared',
    rows.map(({ id, name, bareProgram }) => `- **${id}** ${name}. Bare: ${bareProgram}.`).join('\n'),
    ...whyMissed(rows),
  ].join('\n\n')
}

function whyMissed(rows: Report['rows']): string[] {
  const missed = rows.filter(({ figures }) => figures.some(({ met }) => met === false))
  if (missed.length === 0) return []
  const reasons = missed.map(({ id, whyMore = 'Not looked into yet.' }) => `- **${id}** ${whyMore}`)
  return ['## Where an aim is missed, and what comes next', reasons.join('\n')]
}

function linesOf({ id, name, figures }: Report['rows'][number]): string[][] {
  return [
    [id, name, '', '', '', '', ''],
    ...figures.map(({ name, unit, ours, bare, ratio, aim, met }) => [
      '',
      `${name}, ${unit}`,
      inWords(ours),
      inWords(bare),
      inWords(ratio),
      aim ? aimInWords(aim, unit) : '',
      met === undefined ? '' : met ? 'met' : 'missed',
    ]),
  ]
}

export function aimInWords({ oursAtMost, ratioAtMost, ratioAtLeast }: Aim, unit: string): string {
  return [
    oursAtMost !== undefined && `≤ ${oursAtMost} ${unit}`,
    ratioAtMost !== undefined && `≤ ${ratioAtMost} ×`,
    ratioAtLeast !== undefined && `≥ ${ratioAtLeast} ×`,
  ]
    .filter(Boolean)
    .join(', ')
}

const inWords = ({ median, least, most }: Spread): string =>
  `${short(median)} (${short(least)} to ${short(most)})`

/** Three digits that mean something; more would not. */
export function short(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
