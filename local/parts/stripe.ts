/** The local Stripe, which is part of this repository. */

import path from 'node:path'
import { accepts } from '../ports.ts'
import { launch, untilReady, type RunningProcess } from '../processes.ts'

export interface RunningStripe extends RunningProcess {
  apiBase: string
}

/** Any key of the right shape is taken. */
export const localStripeKey = 'sk_test_local'

export async function startStripe(options: {
  stateDirectory: string
  port: number
  /** Without it everything is forgotten at the end. */
  keepState: boolean
  name?: string
  say?: (words: string) => void
}): Promise<RunningStripe> {
  const { stateDirectory, port, keepState, name = 'stripe' } = options
  options.say?.('starting')
  const running = await launch({
    name,
    command: process.execPath,
    args: [
      ['--import', 'tsx', path.join(import.meta.dirname, '..', 'stripe', 'main.ts'), '--port', String(port)],
      keepState ? ['--state', path.join(stateDirectory, `${name}.json`)] : [],
    ].flat(),
    stateDirectory,
    workingDirectory: path.resolve(import.meta.dirname, '..', '..'),
  })
  await untilReady(running, stateDirectory, 30_000, () => accepts(port))
  return { ...running, apiBase: `http://127.0.0.1:${port}` }
}
