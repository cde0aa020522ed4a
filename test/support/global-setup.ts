/** Starts the parts that the selected tests need, once for all projects of a run, on free ports in a directory of their
 *  own. A part that cannot be had makes the tests that use it fail with the reason, and no others. */

import { mkdtemp, realpath, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startGuard } from '../../local/guard.ts'
import type { Surroundings } from '../../local/parts/fetch.ts'
import { findKafka, startKafka } from '../../local/parts/kafka.ts'
import { findPostgres, localPassword, startPostgres } from '../../local/parts/postgres.ts'
import { localStripeKey, startStripe } from '../../local/parts/stripe.ts'
import { findTemporal, startTemporal } from '../../local/parts/temporal.ts'
import { findTestServer } from '../../local/parts/test-server.ts'
import { freePorts } from '../../local/ports.ts'
import { Processes } from '../../local/processes.ts'
import { endOrphans } from '../../local/records.ts'
import { ensureWorkflowBundle } from '../../local/workflow-bundle.ts'
import { ensureEventTopics } from '../../setup/kafka-topics.ts'
import { migrate } from '../../setup/migrate.ts'
import type { PartName, Parts, ProvidedPart } from './stack.ts'

const needs: Record<string, PartName[]> = {
  workflow: ['testServer', 'workflowBundle'],
  database: ['postgres'],
  integration: ['postgres', 'temporal', 'kafka', 'stripe', 'workflowBundle'],
  'end-to-end': ['postgres', 'temporal', 'kafka', 'workflowBundle'],
  faults: ['postgres', 'temporal', 'kafka', 'workflowBundle'],
}

/** Each project loads this module anew; what they share therefore hangs on the process. */
interface Run {
  processes: Promise<Processes>
  parts: Partial<Record<PartName, Promise<ProvidedPart<unknown>>>>
  projects: number
  callOffGuard?: () => void
}
const shared = globalThis as { quittanceTestRun?: Run }

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = (shared.quittanceTestRun ??= { processes: inNewDirectory(), parts: {}, projects: 0 })
  run.projects += 1
  const processes = await run.processes
  run.callOffGuard ??= startGuard(processes.stateDirectory, { removeState: true })

  const names = needs[project.name] ?? []
  const parts = await Promise.all(
    names.map(async (name) => [name, await (run.parts[name] ??= provide(name, processes))] as const),
  )
  project.provide('parts', Object.fromEntries(parts))
  project.provide('runDirectory', processes.stateDirectory)

  return async () => {
    run.projects -= 1
    if (run.projects > 0) return
    await processes.stopAll()
    await endOrphans(processes.stateDirectory)
    run.callOffGuard?.()
    await rm(processes.stateDirectory, { recursive: true, force: true })
    delete shared.quittanceTestRun
  }
}

async function inNewDirectory(): Promise<Processes> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-test-')))
  await chmod(directory, 0o755) // Postgres may run as another user, who must be able to enter.
  return new Processes(directory)
}

async function provide(name: PartName, processes: Processes): Promise<ProvidedPart<unknown>> {
  try {
    return { value: await starters[name](processes) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

const starters: { [Name in PartName]: (processes: Processes) => Promise<Parts[Name]> } = {
  async postgres(processes) {
    const [port = 0] = await freePorts(1)
    const binaries = await findPostgres(surroundings('Postgres'))
    const { superuserUrl, ownerUrl } = await startPostgres(binaries, { processes, port, say: silent })
    await migrate({ ownerUrl, applicationPassword: localPassword, systemPassword: localPassword })
    return { superuserUrl, template: 'quittance' }
  },
  async temporal(processes) {
    const [port = 0, uiPort = 0] = await freePorts(2)
    const cli = await findTemporal(surroundings('Temporal'))
    const options = { processes, port, uiPort, namespace: 'default', keepState: false, say: silent }
    const { address, uiUrl } = await startTemporal(cli, options)
    return { address, uiUrl }
  },
  async kafka(processes) {
    const [port = 0, controllerPort = 0] = await freePorts(2)
    const installation = await findKafka(surroundings('Kafka'))
    const { brokers } = await startKafka(installation, { processes, port, controllerPort, say: silent })
    await ensureEventTopics({ brokers: [brokers], sasl: undefined })
    return { brokers }
  },
  async stripe(processes) {
    const [port = 0] = await freePorts(1)
    const { apiBase } = await startStripe({ processes, port, keepState: false })
    return { apiBase, secretKey: localStripeKey }
  },
  testServer: async () => ({
    executable: await findTestServer(surroundings('the time-skipping test server')),
  }),
  workflowBundle: async ({ stateDirectory }) => ({
    file: await ensureWorkflowBundle(stateDirectory, silent),
  }),
}

const silent = () => {}

/** Addresses in the environment are not looked at: tests never run against somebody's real servers. */
function surroundings(part: string): Surroundings {
  return {
    environment: process.env,
    cacheDirectory:
      process.env.QUITTANCE_CACHE ?? path.resolve(import.meta.dirname, '..', '..', '.quittance', 'cache'),
    say: (words) => {
      // Only a download takes long enough to be worth a word; it reports every second, which is too often for a log.
      if (words === 'fetching') console.log(`Fetching ${part} …`)
    },
  }
}
