/** `npm start`: everything that a laptop needs, with one command. `npm start -- --help` tells what it takes. */

import path from 'node:path'
import { runStart } from './run-start.ts'

const root = path.resolve(import.meta.dirname, '..')
const { QUITTANCE_STATE, QUITTANCE_CACHE } = process.env
try {
  await runStart({
    args: process.argv.slice(2),
    environment: process.env,
    stateDirectory: path.resolve(root, QUITTANCE_STATE || '.quittance'),
    cacheDirectory: path.resolve(root, QUITTANCE_CACHE || '.quittance/cache'),
    services: { api: 'api/main.ts', worker: 'worker/main.ts' },
  })
} catch (error) {
  console.error((error as Error).message)
  process.exit(1)
}
