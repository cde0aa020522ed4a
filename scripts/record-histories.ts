/** `record-histories.ts`: plays the stories of `history-stories/` on a real server and keeps their histories in `test/workflows/histories`, in a
 *  directory for the version. Checkouts go through the product's own workers with a provider that keeps to a script; the other
 *  stories say themselves what each activity answers. The replay test holds the code to all of them: what a released version has begun, the next ones carry on. */

import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Client } from '@temporalio/client'
import { DefaultLogger } from '@temporalio/worker'
import { connect, type Connections, inProject } from '../db/client.ts'
import { deriveId } from '../db/mint-id.ts'
import { registerProject } from '../db/projects.ts'
import type { ProjectId } from '../domain/ids.ts'
import { currency, money } from '../domain/money.ts'
import { findPostgres, localPassword, startPostgres } from '../local/parts/postgres.ts'
import { findTemporal, startTemporal } from '../local/parts/temporal.ts'
import { freePorts } from '../local/ports.ts'
import { Processes } from '../local/processes.ts'
import { migrate } from '../setup/migrate.ts'
import { bundleWorkflows } from '../worker/bundle.ts'
import { startPlayedWorkers } from '../test/support/played-workers.ts'
import { startWorkers } from '../test/support/running-workers.ts'
import { checkoutStories, playedStories } from './history-stories/index.ts'
import type { RecordedRun } from './history-stories/telling.ts'
import { createWorld } from './history-world.ts'
import { settled } from './settle-history.ts'

const root = path.resolve(import.meta.dirname, '..')
const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string }
const histories = path.join(root, 'test', 'workflows', 'histories', version)
const silent = () => {}
/** After so many a run is asked to hand over to the next: 4096 on a server as it comes, which would be a long file. */
const EVENTS_OF_A_RUN = 100

const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-histories-')))
await chmod(directory, 0o755) // Postgres may run as another user, who must be able to enter.
const processes = new Processes(directory)
try {
  await record()
} finally {
  await processes.stopAll()
  await rm(directory, { recursive: true, force: true })
}

async function record(): Promise<void> {
  const surroundings = {
    environment: process.env,
    cacheDirectory: process.env.QUITTANCE_CACHE ?? path.join(root, '.quittance', 'cache'),
    say: silent,
  }
  const [postgresPort = 0, temporalPort = 0, uiPort = 0] = await freePorts(3)
  const [postgres, temporal] = await Promise.all([
    startPostgres(await findPostgres(surroundings), { processes, port: postgresPort, say: silent }),
    startTemporal(await findTemporal(surroundings), {
      processes,
      port: temporalPort,
      uiPort,
      namespace: 'default',
      keepState: false,
      settings: [`limit.historyCount.suggestContinueAsNew=${EVENTS_OF_A_RUN}`],
      say: silent,
    }),
  ])
  await migrate({
    ownerUrl: postgres.ownerUrl,
    applicationPassword: localPassword,
    systemPassword: localPassword,
  })
  const urlOf = (role: string) => postgres.ownerUrl.replace('quittance_owner', role)
  const connections = connect({
    applicationUrl: urlOf('quittance_app'),
    systemUrl: urlOf('quittance_system'),
    poolSize: 5,
    applicationName: 'record-histories',
  })

  const projectId = await register(connections)
  await rm(histories, { recursive: true, force: true })
  await mkdir(histories, { recursive: true })
  const server = { address: temporal.address, namespace: 'default' }
  const bundle = await bundleWorkflows(new DefaultLogger('ERROR'))

  const world = createWorld(connections.application)
  const workers = await startWorkers(server, world.activities, { bundle })
  for (const [name, story] of Object.entries(checkoutStories)) {
    world.calm()
    await keep(workers.client, await story({ name, client: workers.client, world, projectId, connections }))
  }
  await workers.stop()
  await connections.close()

  const { client, play, stop } = await startPlayedWorkers(server, bundle)
  for (const [name, story] of Object.entries(playedStories)) {
    const told = await story({ name, client, projectId, play })
    await keep(client, Array.isArray(told) ? told : [{ name, workflowId: told.workflowId }])
  }
  await stop()
}

async function keep(client: Client, runs: RecordedRun[]): Promise<void> {
  for (const { name, workflowId, runId } of runs) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    await writeFile(path.join(histories, `${name}.json`), settled(history))
    console.log(`${name}: ${history.events?.length ?? 0} events`)
  }
}

/** The shop of the checkouts, with the plan that they sell. */
async function register({ application }: Connections): Promise<ProjectId> {
  const projectId = deriveId('prj', 'recorded histories')
  await inProject(application, projectId, (transaction) =>
    registerProject(transaction, {
      projectId,
      name: 'Recorded',
      currency: currency('brl'),
      plans: [
        {
          id: 'pro',
          version: 1,
          name: 'Pro',
          price: money(9900, currency('brl')),
          interval: 'month',
          trialDays: 0,
          roles: ['pro'],
          limits: {},
        },
      ],
      products: [],
      dunningPolicies: [],
      successUrl: undefined,
      cancelUrl: undefined,
      correlationId: 'recording',
      actor: 'op_recording',
    }),
  )
  return projectId
}
