import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { deleteExpiredIdempotencyKeys } from '../db/idempotency.ts'
import { renewPartitions } from '../db/retention.ts'
import { describeTrouble } from './describe.ts'
import { createWakeUp } from './wake-up.ts'

export interface Maintenance {
  stop(): Promise<void>
}

export interface MaintenanceOptions {
  system: Database
  logger: Logger
  /** Whole months are dropped, so rows live up to a month longer. At least 35, within which Stripe may repeat an event. */
  retentionDays?: { inbox: number; outbox: number }
}

const HOUR_MS = 60 * 60 * 1000
const keyBatch = 1_000

/** Keeps the tables that grow for ever in bounds: at the start, then every hour, which is often enough for partitions that are
 *  made two months ahead and seldom enough to be done by every worker. */
export function startMaintenance(options: MaintenanceOptions): Maintenance {
  const { system, logger, retentionDays = { inbox: 90, outbox: 90 } } = options
  const wakeUp = createWakeUp()
  let stopping = false
  const loop = run()

  return {
    async stop() {
      stopping = true
      wakeUp.call()
      await loop
    },
  }

  async function run(): Promise<void> {
    while (!stopping) {
      await attempt('partitions', async () => {
        const dropped = await renewPartitions(system, retentionDays)
        if (dropped.length > 0) logger.info({ dropped }, 'partitions past their retention dropped')
      })
      await attempt('idempotency keys', async () => {
        let deleted: number
        do deleted = await deleteExpiredIdempotencyKeys(system, { limit: keyBatch })
        while (deleted === keyBatch && !stopping)
      })
      await wakeUp.sleep(HOUR_MS)
    }
  }

  /** What fails is done the next time: nothing breaks within an hour for lack of it. */
  async function attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      if (!stopping) await work()
    } catch (error) {
      logger.warn({ what, reason: describeTrouble(error) }, 'maintenance put off')
    }
  }
}
