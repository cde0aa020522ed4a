import { reviveEnded, type ReviveOptions } from '../inbox/revive.ts'
import { describeTrouble } from './describe.ts'
import { createWakeUp, waitForEnd } from './wake-up.ts'

export interface Revival {
  stop(): Promise<void>
}

/** How long `stop` waits for Temporal before it leaves the round to the next process. */
const STOP_LIMIT_MS = 6_000

/** Looks every minute for workflows that were ended by hand, for as long as the process lives. A loop of its own: a mass of
 *  them must not hold up events. */
export function startRevival(options: Omit<ReviveOptions, 'known'> & { interval_ms?: number }): Revival {
  const { logger, interval_ms = 60_000 } = options
  const wakeUp = createWakeUp()
  let stopping = false
  let known: ReadonlySet<string> = new Set()
  const loop = run()

  return {
    async stop() {
      stopping = true
      wakeUp.call()
      await waitForEnd(loop, STOP_LIMIT_MS)
    },
  }

  async function run(): Promise<void> {
    while (!stopping) {
      try {
        known = await reviveEnded({ ...options, known })
      } catch (error) {
        logger.warn({ reason: describeTrouble(error) }, 'cannot look for ended workflows and tries on')
      }
      await wakeUp.sleep(interval_ms)
    }
  }
}
