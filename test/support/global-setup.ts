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
import type { RunningProcess } from '../../local/processes.ts'
import { createKafka } from '../../providers/kafka.ts'
import { ensureEventTopics } from '../../setup/kafka-topics.ts'
import { migrate } from '../../setup/migrate.ts'
import type { PartName, Parts, ProvidedPart } from './stack.ts'

const needs: Record<string, PartName[]> = {
  workflow: ['testServer'],
  database: ['postgres'],
  integration: ['postgres', 'temporal', 'kafka', 'stripe'],
  'end-to-end': ['postgres', 'temporal', 'kafka', 'stripe'],
}

/** Each project loads this module anew; what they share therefore hangs on the process. */
interface Run {
  directory: Promise<string>
  parts: Partial<Record<PartName, Promise<ProvidedPart<unknown>>>>
  running: RunningProcess[]
  projects: number
  callOffGuard?: () => void
}
const shared = globalThis as { quittanceTestRun?: Run }

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = (shared.quittanceTestRun ??= { directory: newDirectory(), parts: {}, running: [], projects: 0 })
  run.projects += 1
  const directory = await run.directory
  run.callOffGuard ??= startGuard(directory, { removeState: true })

  const names = needs[project.name] ?? []
  const parts = await Promise.all(
    names.map(async (name) => [name, await provide(run, directory, name)] as const),
  )
  project.provide('parts', Object.fromEntries(parts))
  project.provide('runDirectory', directory)

  return async () => {
    run.projects -= 1
    if (run.projects > 0) return
    await Promise.all(run.running.map((part) => part.stop()))
    run.callOffGuard?.()
    await rm(directory, { recursive: true, force: true })
    delete shared.quittanceTestRun
  }
}

async function newDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-test-')))
  await chmod(directory, 0o755) // Postgres may run as another user, who must be able to enter.
  return directory
}

function provide(run: Run, directory: string, name: PartName): Promise<ProvidedPart<unknown>> {
  return (run.parts[name] ??= starters[name](run, directory).then(
    (value) => ({ value }),
    (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
  ))
}

const starters: { [Name in PartName]: (run: Run, directory: string) => Promise<Parts[Name]> } = {
  async postgres(run, stateDirectory) {
    const [port = 0] = await freePorts(1)
    const binaries = await findPostgres(surroundings('Postgres'))
    const postgres = await startPostgres(binaries, { stateDirectory, port, say: silent })
    run.running.push(postgres)
    await migrate({
      ownerUrl: postgres.ownerUrl,
      applicationPassword: localPassword,
      systemPassword: localPassword,
    })
    return { superuserUrl: postgres.superuserUrl, template: 'quittance' }
  },
  async temporal(run, stateDirectory) {
    const [port = 0, uiPort = 0] = await freePorts(2)
    const cli = await findTemporal(surroundings('Temporal'))
    const namespace = 'default'
    const options = { stateDirectory, port, uiPort, namespace, keepState: false, say: silent }
    const temporal = await startTemporal(cli, options)
    run.running.push(temporal)
    return { address: temporal.address, uiUrl: temporal.uiUrl }
  },
  async kafka(run, stateDirectory) {
    const [port = 0, controllerPort = 0] = await freePorts(2)
    const installation = await findKafka(surroundings('Kafka'))
    const kafka = await startKafka(installation, { stateDirectory, port, controllerPort, say: silent })
    run.running.push(kafka)
    await ensureEventTopics(createKafka({ brokers: [kafka.brokers], sasl: undefined }))
    return { brokers: kafka.brokers }
  },
  async stripe(run, stateDirectory) {
    const [port = 0] = await freePorts(1)
    const stripe = await startStripe({ stateDirectory, port, keepState: false })
    run.running.push(stripe)
    return { apiBase: stripe.apiBase, secretKey: localStripeKey }
  },
  testServer: async () => ({
    executable: await findTestServer(surroundings('the time-skipping test server')),
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
