/** `npm run fuzz -- [--examples N] [--seed S]`: tries the API with requests made out of its own OpenAPI document, against a
 *  product of its own, and prints what answers otherwise than the document says, each with the request that shows it. Ends
 *  with one line that says how many operations passed and failed. */

import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startGuard } from '../local/guard.ts'
import { ensureWorkflowBundle } from '../local/workflow-bundle.ts'
import { fuzz } from '../test/fuzz/run.ts'
import { findSchemathesis, phases } from '../test/fuzz/schemathesis.ts'
import { startOwnServers } from '../test/support/own-servers.ts'
import { startProduct } from '../test/support/product.ts'

const { values } = parseArgs({
  options: { examples: { type: 'string', default: '25' }, seed: { type: 'string', default: '1' } },
})
const examples = wholeNumber('examples')
const seed = wholeNumber('seed')

console.log('Looking for Schemathesis …')
const packages = await findSchemathesis()
if (typeof packages === 'string') throw new Error(`Schemathesis cannot be had: ${packages}`)

const runDirectory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-fuzz-')))
await chmod(runDirectory, 0o755) // Postgres may run as another user, who must be able to enter.
const callOffGuard = startGuard(runDirectory, { removeState: true })
// The guard ends all processes when this one is gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const workflowBundle = await ensureWorkflowBundle(runDirectory, console.log)
const own = await startOwnServers(runDirectory)
const product = await startProduct({ runDirectory, workflowBundle, servers: own.servers })
const passes = await fuzz(packages, product, { directory: runDirectory, examples, seed, phases })
await product.end()
await own.end()
callOffGuard()
await rm(runDirectory, { recursive: true, force: true })

let passed = 0
let failed = 0
for (const [whose, pass] of Object.entries(passes)) {
  passed += pass.passed
  failed += pass.failed.length
  console.log(
    `With the key of ${whose}: ${pass.requests} requests, of which ${pass.accepting.length} operations took some; ${pass.failed.length} failed`,
  )
  if (pass.flaws !== '') console.log(pass.flaws)
}
if (failed > 0) console.log(`Run it again: npm run fuzz -- --examples ${examples} --seed ${seed}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)

function wholeNumber(name: 'examples' | 'seed'): number {
  const number = Number(values[name])
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} takes a whole number from 1`)
  return number
}
