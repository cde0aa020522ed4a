import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { type MachineFacts, machineFacts } from '../support/machine.ts'
import { type FileScore, rowsOf, THRESHOLD } from './score.ts'
import { leftOut, SEED } from './subjects.ts'

export interface MutationRecord {
  /** RFC 3339. */
  begunAt: string
  took_s: number
  scores: FileScore[]
}

const root = path.resolve(import.meta.dirname, '..', '..')

/** Writes `docs/mutation.md`. */
export async function keepRecord(record: MutationRecord): Promise<void> {
  const page = path.join(root, 'docs', 'mutation.md')
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const versions = { stryker: devDependencies['@stryker-mutator/core'], vitest: devDependencies['vitest'] }
  const text = pageOf(record, machineFacts(), versions)
  await writeFile(page, await format(text, { ...(await resolveConfig(page)), parser: 'markdown' }))
}

export function pageOf(
  { begunAt, took_s, scores }: MutationRecord,
  machine: MachineFacts,
  versions: { stryker: string | undefined; vitest: string | undefined },
): string {
  const row = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`
  const table = (heading: string[], rows: (string | number)[][]) =>
    [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n')
  const words = scores.reduce((sum, score) => sum + score.leftOut, 0)
  const survivors = scores.flatMap(({ file, survivors }) => survivors.map((one) => ({ file, ...one })))
  return [
    '# What the tests of the domain notice',
    `Made by \`npm run mutation -- --record\`; do not edit. Each mutant is a small change of the code (a condition turned round, a bound moved, a text emptied), held against the tests that go by the name of its file and against no others. A mutant that fails none of them survives: either nothing says what that code is for, or the code says nothing. At least ${THRESHOLD} % must be killed, of all and of the ledger.`,
    `Run on ${begunAt.slice(0, 10)} with Stryker ${versions.stryker} and vitest ${versions.vitest}, properties from the seed ${SEED}: ${machine.processor}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}; ${Math.round(took_s / 60)} minutes.`,
    table(['file', 'killed', 'survived', 'score'], rowsOf(scores)),
    `Not counted: ${words} mutants of words for people, which may be put in any way (\`test/mutation/ignore-words.js\` says which those are). Left out: ${Object.entries(
      leftOut,
    )
      .map(([file, why]) => `\`${file}\` (${why})`)
      .join(', ')}.`,
    '## What survived, and why it may',
    survivors.length === 0
      ? 'Nothing.'
      : table(
          ['where', 'code', 'mutant', 'why'],
          survivors.map(({ file, line, code, mutant, why }) => [
            `${file}:${line}`,
            asCode(code),
            asCode(mutant),
            why ?? 'not looked at yet',
          ]),
        ),
  ].join('\n\n')
}

/** Within a cell of a table, which a bar would end. */
function asCode(code: string): string {
  const short = code.length > 90 ? `${code.slice(0, 89)}…` : code
  const shown = short.replaceAll('|', '\\|')
  return shown.includes('`') ? `\`\` ${shown} \`\`` : shown === '' ? 'nothing' : `\`${shown}\``
}
