/** `npm run mutation [-- FILE … | --record]`: makes mutants of the domain and of the ledger, those of these files alone where
 *  some are named, and shows which of them the tests notice. Ends with a table; fails where too many are not noticed. */

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { mutate } from '../test/mutation/mutate.ts'
import { keepRecord } from '../test/mutation/record.ts'
import { type FileScore, isEnough, percentOf, rowsOf, scoreOf, THRESHOLD } from '../test/mutation/score.ts'
import { subjectsIn } from '../test/mutation/subjects.ts'

const root = path.resolve(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: 'boolean', default: false } },
})
if (values.record && positionals.length > 0) throw new Error('--record takes all files together')

const known = subjectsIn(root)
const unknown = positionals.filter((name) => !known.some(({ file }) => file === name))
if (unknown.length > 0) throw new Error(`Not mutated: ${unknown.join(', ')}; see test/mutation/subjects.ts`)
const subjects = positionals.length === 0 ? known : known.filter(({ file }) => positionals.includes(file))

// The tests run in a copy of the checkout, where nothing is kept.
process.env.QUITTANCE_CACHE ??= path.join(root, '.quittance', 'cache')

const begunAt = new Date()
const scores: FileScore[] = []
for (const subject of subjects) {
  const fileBegunAt = Date.now()
  const source = await readFile(path.join(root, subject.file), 'utf8')
  const score = scoreOf(subject.file, source, await mutate(subject))
  scores.push(score)
  const seconds = Math.round((Date.now() - fileBegunAt) / 1000)
  console.log(
    `${subject.file}: ${score.killed} killed, ${score.survivors.length} survived (${percentOf([score]).toFixed(1)} %), ${seconds} s`,
  )
  for (const { line, code, mutant, why } of score.survivors)
    console.log(`  ${line}: ${code}  =>  ${mutant}${why === undefined ? '' : `  (${why})`}`)
}

const took_s = Math.round((Date.now() - begunAt.getTime()) / 1000)
if (values.record) await keepRecord({ begunAt: begunAt.toISOString(), took_s, scores })
const rows = [['file', 'killed', 'survived', 'score'] as const, ...rowsOf(scores)]
const width = Math.max(...rows.map(([name]) => name.length))
console.log()
for (const [name, ...cells] of rows)
  console.log([name.padEnd(width), ...cells.map((cell) => cell.padStart(9))].join(''))
const passed = isEnough(scores)
console.log(
  `${passed ? 'passed' : 'FAILED'}: at least ${THRESHOLD} % must be killed, of all and of the ledger (${Math.round(took_s / 60)} minutes)`,
)
process.exit(passed ? 0 : 1)
