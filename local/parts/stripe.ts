/** The local Stripe, which is part of this repository. */

import path from 'node:path'
import { runBuilt } from '../build.ts'
import { accepts } from '../ports.ts'
import type { Processes, RunningProcess } from '../processes.ts'

export interface RunningStripe extends RunningProcess {
  apiBase: string
}

/** Any key of the right shape is taken. */
export const localStripeKey = 'sk_test_local'

export async function startStripe(options: {
  processes: Processes
  port: number
  /** Without it everything is forgotten at the end. */
  keepState: boolean
  /** What the account's owner would choose in the dashboard, at every start. */
  settings?: object
  name?: string
  say?: (words: string) => void
}): Promise<RunningStripe> {
  const { processes, port, keepState, settings, name = 'stripe' } = options
  options.say?.('starting')
  const running = await processes.launch({
    name,
    command: process.execPath,
    args: [
      [...(await runBuilt('local/stripe/main.ts')), '--port', String(port)],
      keepState ? ['--state', path.join(processes.stateDirectory, `${name}.json`)] : [],
      settings ? ['--settings', JSON.stringify(settings)] : [],
    ].flat(),
    workingDirectory: path.resolve(import.meta.dirname, '..', '..'),
  })
  await processes.untilReady(running, 30_000, () => accepts(port))
  return { ...running, apiBase: `http://127.0.0.1:${port}` }
}
