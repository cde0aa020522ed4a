import { restoreWaiting, type RestoreOptions } from '../inbox/restore.ts'
import { describeTrouble } from './describe.ts'
import { createWakeUp, waitForEnd } from './wake-up.ts'

export interface Restoration {
  stop(): Promise<void>
}

const STOP_LIMIT_MS = 6_000
const HOUR_MS = 3_600_000

/** Looks every hour whether what waits still has its workflow, for as long as the process lives. Slow, because only a Temporal
 *  that was lost leaves anything to find. */
export function startRestoration(options: RestoreOptions & { interval_ms?: number }): Restoration {
  const { logger, interval_ms = HOUR_MS } = options
  const wakeUp = createWakeUp()
  let stopping = false
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
        await restoreWaiting(options)
      } catch (error) {
        logger.warn({ reason: describeTrouble(error) }, 'cannot look for lost workflows and tries on')
      }
      await wakeUp.sleep(interval_ms)
    }
  }
}
