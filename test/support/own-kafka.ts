import { mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { inject } from 'vitest'
import { findKafka, startKafka, type RunningKafka } from '../../local/parts/kafka.ts'
import { freePorts } from '../../local/ports.ts'
import { Processes } from '../../local/processes.ts'
import { ensureEventTopics } from '../../setup/kafka-topics.ts'

/** A broker that one test may kill and bring back, where the shared one would take every other test with it. */
export interface OwnKafka {
  brokers: string
  kill(): Promise<void>
  restart(): Promise<void>
  end(): Promise<void>
}

export async function startOwnKafka(): Promise<OwnKafka> {
  const directory = await mkdtemp(path.join(inject('runDirectory'), 'kafka-'))
  const processes = new Processes(directory)
  const installation = await findKafka({
    environment: process.env,
    cacheDirectory:
      process.env.QUITTANCE_CACHE ?? path.resolve(import.meta.dirname, '..', '..', '.quittance', 'cache'),
    say: () => {},
  })
  const [port = 0, controllerPort = 0] = await freePorts(2)
  const start = () => startKafka(installation, { processes, port, controllerPort, say: () => {} })
  let running: RunningKafka = await start()
  await ensureEventTopics({ brokers: [running.brokers], sasl: undefined })
  return {
    brokers: running.brokers,
    async kill() {
      running.kill()
      await running.exited
    },
    async restart() {
      running = await start()
    },
    async end() {
      await running.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
