import { createDatabase, createNamespace } from '../support/stack.ts'
import { type OwnServers, startOwnServers } from '../support/own-servers.ts'
import { startProduct } from '../support/product.ts'
import { type Outcome, playSchedule } from './play.ts'
import type { Schedule } from './schedule.ts'

/** Kafka and Temporal keep what earlier seeds have left: after so many they are started anew. */
const SEEDS_PER_SERVERS = 25

export type Runner = ReturnType<typeof createRunner>

/** Plays schedules one after the other, each on a database, a namespace and a local Stripe of its own. */
export function createRunner(options: { runDirectory: string; workflowBundle: string }) {
  let servers: OwnServers | undefined
  let played = 0

  async function freshServers(): Promise<OwnServers> {
    if (played % SEEDS_PER_SERVERS === 0) {
      await servers?.end()
      servers = undefined
    }
    played += 1
    return (servers ??= await startOwnServers(options.runDirectory))
  }

  return {
    async play(schedule: Schedule): Promise<Outcome> {
      const begunAt = Date.now()
      const own = await freshServers()
      const [database, temporal] = await Promise.all([
        createDatabase({ superuserUrl: own.superuserUrl, template: 'quittance' }),
        createNamespace(own.servers.temporal),
      ])
      const product = await startProduct({
        ...options,
        servers: { database, temporal, kafka: own.servers.kafka },
      })
      try {
        const started = Date.now() - begunAt
        const outcome = await playSchedule(product, own, schedule)
        return { ...outcome, phases: { started, ...outcome.phases } }
      } finally {
        await product.end()
        await database.drop()
      }
    },
    end: async () => servers?.end(),
  }
}
