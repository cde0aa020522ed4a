/** `npm run soak [-- --minutes N --seed S --rate R --record]`: puts a product of its own, on processes, ports and data of its
 *  own, under a steady load without faults, and looks whether anything grows: memory, files, connections, queues. Ends with
 *  one line that says how many checks passed and failed. `--record` writes `docs/soak.md`. */

import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { startGuard } from '../local/guard.ts'
import { ensureWorkflowBundle } from '../local/workflow-bundle.ts'
import { machineFacts } from '../test/support/machine.ts'
import { openMailbox } from '../test/support/mailbox.ts'
import { startOwnServers } from '../test/support/own-servers.ts'
import { startProduct } from '../test/support/product.ts'
import { reasonFor } from '../test/soak/log-lines.ts'
import { checkLines, inOrder, pageOf, terminalTable } from '../test/soak/report.ts'
import { soak } from '../test/soak/soak.ts'
import { checksOf, judgeMeasures, type SoakRun } from '../test/soak/verdicts.ts'

const root = path.resolve(import.meta.dirname, '..')

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '3' },
    record: { type: 'boolean', default: false },
  },
})
const minutes = numberAbove0('minutes')
const seed = numberAbove0('seed')
const perSecond = numberAbove0('rate')

const runDirectory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-soak-')))
await chmod(runDirectory, 0o755) // Postgres may run as another user, who must be able to enter.
const callOffGuard = startGuard(runDirectory, { removeState: true })
// The guard ends all processes when this one is gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const workflowBundle = await ensureWorkflowBundle(runDirectory, console.log)
const [own, mailbox] = await Promise.all([startOwnServers(runDirectory), openMailbox()])
const product = await startProduct({
  runDirectory,
  workflowBundle,
  servers: own.servers,
  smtpUrl: mailbox.smtpUrl,
})
const run = await soak(product, { minutes, seed, perSecond, runDirectory, say: console.log })
await product.end()
await Promise.all([own.end(), mailbox.close()])
callOffGuard()
await rm(runDirectory, { recursive: true, force: true })

const checks = checksOf(run)
print(run)
const file = await keep(run)
console.log(`All samples: ${path.relative(root, file)}`)
if (values.record) await writePage(run)
const failed = checks.filter(({ passed }) => !passed).length
console.log(`${checks.length - failed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)

function numberAbove0(name: 'minutes' | 'seed' | 'rate'): number {
  const number = Number(values[name])
  if (!(number > 0)) throw new Error(`--${name} takes a number above 0`)
  return number
}

function print(run: SoakRun): void {
  console.log(
    inOrder(run.tally)
      .map(([what, times]) => `${String(times).padStart(5)} ${what}`)
      .join('\n'),
  )
  for (const complaint of run.complaints) {
    const { process, level, message, times, example } = complaint
    const reason = reasonFor(complaint)
    console.log(`${times} × ${level} of the ${process}: ${message}`)
    console.log(reason === undefined ? `  ✗ unexplained: ${example}` : `  expected: ${reason}`)
  }
  for (const flaw of run.flaws) console.log(`✗ ${flaw}`)
  console.log(`\n${terminalTable(judgeMeasures(run))}\n\n${checkLines(checks)}`)
}

async function keep(run: SoakRun): Promise<string> {
  const directory = path.join(root, '.quittance', 'soak')
  await mkdir(directory, { recursive: true })
  const file = path.join(directory, `${run.begunAt.replaceAll(':', '')}.json`)
  await writeFile(file, JSON.stringify(run, undefined, 2))
  return file
}

async function writePage(run: SoakRun): Promise<void> {
  const page = path.join(root, 'docs', 'soak.md')
  const config = await resolveConfig(page)
  await writeFile(page, await format(pageOf(run, machineFacts()), { ...config, parser: 'markdown' }))
}
