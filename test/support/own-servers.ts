import { chmod, mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { inject } from 'vitest'
import { startGuard } from '../../local/guard.ts'
import type { Surroundings } from '../../local/parts/fetch.ts'
import { findKafka, startKafka } from '../../local/parts/kafka.ts'
import { findPostgres, localPassword, startPostgres } from '../../local/parts/postgres.ts'
import { findTemporal, startTemporal } from '../../local/parts/temporal.ts'
import { freePorts } from '../../local/ports.ts'
import { Processes } from '../../local/processes.ts'
import { ensureEventTopics } from '../../setup/kafka-topics.ts'
import { migrate } from '../../setup/migrate.ts'
import type { Servers } from './product.ts'
import { type Restartable, startRestartable } from './restartable.ts'

/** Postgres, Temporal and Kafka that one test may kill and bring back, where the run's would take every other test with
 *  them. All three keep their state on disk. */
export interface OwnServers {
  servers: Servers
  superuserUrl: string
  postgres: Restartable
  temporal: Restartable
  kafka: Restartable
  end(): Promise<void>
}

/** @param runDirectory that of the run of tests, when left out */
export async function startOwnServers(runDirectory: string = inject('runDirectory')): Promise<OwnServers> {
  const directory = await mkdtemp(path.join(runDirectory, 'servers-'))
  await chmod(directory, 0o755) // Postgres may run as another user, who must be able to enter.
  const processes = new Processes(directory)
  const callOffGuard = startGuard(directory)
  const [kafka, postgres, temporal] = await Promise.all([
    ownKafka(processes),
    ownPostgres(processes),
    ownTemporal(processes),
  ])
  return {
    servers: { database: postgres.database, temporal: temporal.address, kafka: kafka.address },
    superuserUrl: postgres.superuserUrl,
    postgres: postgres.server,
    temporal: temporal.server,
    kafka: kafka.server,
    async end() {
      await processes.stopAll()
      callOffGuard()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function ownKafka(processes: Processes) {
  const installation = await findKafka(surroundings)
  const [port = 0, controllerPort = 0] = await freePorts(2)
  const server = await startRestartable(() =>
    startKafka(installation, { processes, port, controllerPort, say: silent }),
  )
  const address = { brokers: `127.0.0.1:${port}` }
  await ensureEventTopics({ brokers: [address.brokers], sasl: undefined })
  return { server, address }
}

async function ownPostgres(processes: Processes) {
  const binaries = await findPostgres(surroundings)
  const [port = 0] = await freePorts(1)
  let superuserUrl = ''
  const server = await startRestartable(async () => {
    const started = await startPostgres(binaries, { processes, port, say: silent })
    superuserUrl = started.superuserUrl
    return started
  })
  const url = (role: string) => `postgres://${role}:${localPassword}@127.0.0.1:${port}/quittance`
  const ownerUrl = url('quittance_owner')
  await migrate({ ownerUrl, applicationPassword: localPassword, systemPassword: localPassword })
  return {
    server,
    superuserUrl,
    database: { applicationUrl: url('quittance_app'), systemUrl: url('quittance_system'), ownerUrl },
  }
}

async function ownTemporal(processes: Processes) {
  const cli = await findTemporal(surroundings)
  const [port = 0, uiPort = 0] = await freePorts(2)
  const namespace = 'default'
  const server = await startRestartable(() =>
    startTemporal(cli, { processes, port, uiPort, namespace, keepState: true, say: silent }),
  )
  return { server, address: { address: `127.0.0.1:${port}`, namespace } }
}

const silent = () => {}

const surroundings: Surroundings = {
  environment: process.env,
  cacheDirectory:
    process.env.QUITTANCE_CACHE ?? path.resolve(import.meta.dirname, '..', '..', '.quittance', 'cache'),
  say: silent,
}
