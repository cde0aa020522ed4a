/** `npm run races -- --race NAME --runs 500 --seed S`, `npm run orders`, `npm run resets`, `npm run jump`,
 *  `npm run refund-races`: proofs of which `npm test` or `npm run faults` runs a sample, run in full. Each ends with one line that says how many passed and failed. */

import { parseArgs } from 'node:util'
import { raceNames } from '../test/support/races.ts'

/** What is run of each when no number is given. */
const proofs: Record<string, { file: string; runs: number }> = {
  races: { file: 'end-to-end/races', runs: 500 },
  orders: { file: 'faults/orders', runs: 720 },
  resets: { file: 'faults/resets', runs: 10_000 },
  jump: { file: 'faults/clock-jump', runs: 1_000 },
  'refund-races': { file: 'api/refund-races', runs: 1_000 },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string' }, seed: { type: 'string' }, race: { type: 'string' } },
})
const proof = proofs[positionals[0] ?? '']
if (!proof) throw new Error(`Name one of ${Object.keys(proofs).join(', ')}.`)
const { race, runs = String(proof.runs), seed } = values
if (![runs, seed ?? '0'].every((number) => Number.isSafeInteger(Number(number))))
  throw new Error('--runs and --seed take whole numbers')
if (race !== undefined && !raceNames.some((name) => name === race))
  throw new Error(`There is no race ${race}. There are ${raceNames.join(', ')}.`)

process.env.QUITTANCE_RUNS = runs
if (seed !== undefined) process.env.QUITTANCE_SEED = seed
if (race !== undefined) process.env.QUITTANCE_RACE = race
process.argv.splice(2, Infinity, `test/${proof.file}.test.ts`, '--project=*', '--testTimeout=3600000')
await import('./test.ts')
