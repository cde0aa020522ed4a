import { survivorsLookedAt } from './survivors.ts'

/** What became of the mutants of one file. */
export interface FileScore {
  file: string
  killed: number
  /** Wording, and what a comment in the file says why. */
  leftOut: number
  survivors: Survivor[]
}

export interface Survivor {
  line: number
  /** The code, and what was put in its place: on one line. */
  code: string
  mutant: string
  /** Why no test should kill it; `undefined` where nobody has looked at it yet. */
  why: string | undefined
}

/** As Stryker tells of a mutant. Lines and columns count from 1. */
export interface MutantResult {
  status: string
  replacement?: string
  location: { start: Position; end: Position }
}
interface Position {
  line: number
  column: number
}

/** What must be killed of all mutants, and of the ledger's, in percent. */
export const THRESHOLD = 90

/** Counts the mutants of a file. One that never came to an end, or with which the file could not be loaded, was noticed too. */
export function scoreOf(file: string, source: string, results: MutantResult[]): FileScore {
  const count = (...statuses: string[]) => results.filter(({ status }) => statuses.includes(status)).length
  const survivors = results
    .filter(({ status }) => ['Survived', 'NoCoverage'].includes(status))
    .map(({ location, replacement = '' }): Survivor => {
      const [code, mutant] = [textAt(source, location), replacement].map(onOneLine) as [string, string]
      const known = survivorsLookedAt.find(
        (one) => one.file === file && one.code === code && one.mutant === mutant,
      )
      return { line: location.start.line, code, mutant, why: known?.why }
    })
  return { file, killed: count('Killed', 'Timeout', 'RuntimeError'), leftOut: count('Ignored'), survivors }
}

/** Killed of all, in percent; a file without mutants has nothing to be reproached with. */
export function percentOf(scores: FileScore[]): number {
  const killed = scores.reduce((sum, score) => sum + score.killed, 0)
  const all = killed + scores.reduce((sum, { survivors }) => sum + survivors.length, 0)
  return all === 0 ? 100 : (100 * killed) / all
}

/** All of them together, and the ledger, where money is counted, alone as well. */
export function totalsOf(scores: FileScore[]): { name: string; scores: FileScore[] }[] {
  return [
    { name: 'the ledger', scores: scores.filter(({ file }) => /\/ledger[^/]*$/.test(file)) },
    { name: 'all', scores },
  ]
}

export const isEnough = (scores: FileScore[]): boolean =>
  totalsOf(scores).every((total) => percentOf(total.scores) >= THRESHOLD)

/** Rows for a table: a file each, then the totals. */
export function rowsOf(
  scores: FileScore[],
): [file: string, killed: string, survived: string, score: string][] {
  const row = (name: string, of: FileScore[]): [string, string, string, string] => [
    name,
    String(of.reduce((sum, { killed }) => sum + killed, 0)),
    String(of.reduce((sum, { survivors }) => sum + survivors.length, 0)),
    `${percentOf(of).toFixed(1)} %`,
  ]
  return [
    ...scores.map((score) => row(score.file, [score])),
    ...totalsOf(scores).map((total) => row(total.name, total.scores)),
  ]
}

function textAt(source: string, { start, end }: MutantResult['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  lines.push((lines.pop() ?? '').slice(0, end.column - 1))
  return lines.join('\n').slice(start.column - 1)
}

const onOneLine = (code: string): string => code.replaceAll(/\s+/g, ' ').trim()
