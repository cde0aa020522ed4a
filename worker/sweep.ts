import { countUnhandledEvents } from '../db/inbox.ts'
import { eventsUnhandled } from '../inbox/metrics.ts'
import { sweep, type SweepOptions } from '../inbox/sweep.ts'
import { describeTrouble } from './describe.ts'
import { backOff, createWakeUp, waitForEnd } from './wake-up.ts'

export interface Sweep {
  /** Ends after the round that is under way. */
  stop(): Promise<void>
}

/** How long `stop` waits for Temporal before it leaves the round to the next process. */
const STOP_LIMIT_MS = 6_000
const MEASURE_INTERVAL_MS = 10_000
const COMPLAINT_INTERVAL_MS = 60_000

/** Sweeps again and again for as long as the process lives. */
export function startSweep(options: SweepOptions & { interval_ms?: number }): Sweep {
  const { system, logger, interval_ms = 1_000 } = options
  const wakeUp = createWakeUp()
  let stopping = false
  let failures = 0
  let complainedAt = 0
  let measuredAt = 0
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
      const more = await round()
      if (stopping || more) continue
      await wakeUp.sleep(
        failures === 0 ? interval_ms : backOff(failures, { first_ms: interval_ms, longest_ms: 10_000 }),
      )
    }
  }

  /** @returns whether there is more to do at once. */
  async function round(): Promise<boolean> {
    try {
      const { done, failed, more } = await sweep(options)
      // Each failure was logged and put off by itself; a round of nothing else means that Temporal is away.
      failures = done === 0 && failed > 0 ? failures + 1 : 0
      await measure()
      return more && failures === 0
    } catch (error) {
      failures += 1
      complain(error)
      return false
    }
  }

  async function measure(): Promise<void> {
    if (Date.now() - measuredAt < MEASURE_INTERVAL_MS) return
    measuredAt = Date.now()
    eventsUnhandled.set(await countUnhandledEvents(system))
  }

  function complain(error: unknown): void {
    if (failures > 1 && Date.now() - complainedAt < COMPLAINT_INTERVAL_MS) return
    complainedAt = Date.now()
    logger.warn({ reason: describeTrouble(error), failures }, 'sweep cannot work and tries on')
  }
}
