/** What `npm start` does from its first word to its last. */

import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { firstCall } from './first-call.ts'
import { startGuard } from './guard.ts'
import { claims, hold } from './hold.ts'
import { parseOptions, usage } from './options.ts'
import { planStack } from './plan.ts'
import { Processes } from './processes.ts'
import { createProgress } from './progress.ts'
import { endOrphans } from './records.ts'
import { stackFile } from './stack-file.ts'
import { startStack, type Run } from './stack.ts'

/** In this order, so that nothing loses what it stands on before it has ended itself. */
const stopOrder = ['api', 'worker', 'stripe', 'kafka', 'temporal', 'postgres']
/** One Ctrl-C may arrive several times: from the terminal and from npm, which passes it on. */
const sameSignalMs = 1_000

export interface StartInput {
  args: string[]
  environment: Record<string, string | undefined>
  stateDirectory: string
  cacheDirectory: string
  services: Run['services']
}

/** Resolves when everything is up; the process then lives until it is told to end. */
export async function runStart(input: StartInput): Promise<void> {
  const { stateDirectory, cacheDirectory, environment, services } = input
  const options = parseOptions(input.args)
  if (options === 'help') return console.log(usage)

  // Whoever read our output may be gone, as in `npm start | head`: that is no reason to fall over.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
  const letGo = await hold(stateDirectory)
  process.once('exit', letGo)
  const processes = new Processes(stateDirectory)
  const ending = endOnSignals(processes)
  if (environment.npm_lifecycle_event === 'start') endWithParent(ending)
  try {
    const orphans = await endOrphans(stateDirectory)
    if (orphans.length > 0) console.log(`Ended what a killed run had left: ${orphans.join(', ')}.`)
    if (options.fresh) await forgetState(stateDirectory)
    ending.callOffGuard = startGuard(stateDirectory)

    const plan = await planStack(environment, { stateDirectory, withoutKafka: options.withoutKafka })
    for (const remark of plan.remarks) console.log(remark)
    const progress = createProgress(process.stdout, [
      'postgres',
      'temporal',
      'kafka',
      'stripe',
      'mailbox',
      'worker',
      'api',
    ])
    const isEnding = () => ending.has()
    const stack = await startStack({ plan, processes, progress, cacheDirectory, services, isEnding })
    progress.finish()
    console.log(firstCall(stack, { stack: stackFile(stateDirectory), logs: processes.logFile('*') }))
  } catch (error) {
    if (ending.has()) return // What fails because it was ended is no news.
    console.error(`\n${(error as Error).message}\n`)
    await ending.begin(1)
  }
}

interface Ending {
  has: () => boolean
  begin: (exitCode: number) => Promise<void>
  onSignal: (what: string) => void
  /** Not called when we fall over: then the guard has work to do. */
  callOffGuard?: () => void
}

function endOnSignals(processes: Processes): Ending {
  let since: number | undefined
  const ending: Ending = {
    has: () => since !== undefined,
    async begin(exitCode) {
      since ??= Date.now()
      await processes.stopAll(stopOrder)
      ending.callOffGuard?.()
      console.log('Stopped.')
      process.exit(exitCode)
    },
    onSignal(what) {
      if (since === undefined) {
        console.log(`\nStopping (${what}); once more to stop at once.`)
        void ending.begin(0)
      } else if (Date.now() - since > sameSignalMs) {
        processes.killAll()
        ending.callOffGuard?.()
        process.exit(1)
      }
    },
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ending.onSignal)
  return ending
}

/** npm that is killed takes nobody along, and a stack that no Ctrl-C reaches is of no use. (The script of package.json
 *  says `exec`, so that npm is our parent, and not a shell that would keep the signals it gets to itself.) */
function endWithParent(ending: Ending): void {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent && !ending.has()) ending.onSignal('npm is gone')
  }, 1_000).unref()
}

async function forgetState(stateDirectory: string): Promise<void> {
  // The hold and a running installation are no state; the downloads are what makes a fresh start quick.
  const kept = new Set(['cache', claims, 'install.lock'])
  for (const entry of await readdir(stateDirectory))
    if (!kept.has(entry)) await rm(path.join(stateDirectory, entry), { recursive: true, force: true })
}
