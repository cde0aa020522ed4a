/** Everything that is measured, started for one run: the servers of `npm start`, the product's API and worker on them, and
 *  the bare server and worker on the same. Free ports, and a directory that is gone afterwards. */

import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client, Connection } from '@temporalio/client'
import postgres from 'postgres'
import { connect, type Connections } from '../db/client.ts'
import type { ProjectId } from '../domain/ids.ts'
import { startGuard } from '../local/guard.ts'
import type { Surroundings } from '../local/parts/fetch.ts'
import { findKafka, startKafka } from '../local/parts/kafka.ts'
import { findPostgres, localPassword, startPostgres } from '../local/parts/postgres.ts'
import { localStripeKey, startStripe } from '../local/parts/stripe.ts'
import { findTemporal, startTemporal } from '../local/parts/temporal.ts'
import { freePorts } from '../local/ports.ts'
import { Processes } from '../local/processes.ts'
import { startService } from '../local/services.ts'
import { ensureWorkflowBundle } from '../local/workflow-bundle.ts'
import { ensureEventTopics } from '../setup/kafka-topics.ts'
import { migrate } from '../setup/migrate.ts'
import { ensureWebhookEndpoint } from '../setup/webhook-endpoint.ts'
import { createLocalStripe, type LocalStripe } from '../test/support/local-stripe.ts'
import { createHttpClient, expectStatus, type HttpClient } from './http-client.ts'

export interface Stack {
  ours: Side & {
    project: { projectId: ProjectId; apiKey: string }
    webhookSecret: string
    /** As the product's own processes connect. */
    connections: Connections
  }
  bare: Side & { priceId: string }
  temporal: Client
  brokers: string
  /** What the process of a worker holds, in MiB. */
  memoryOf(side: 'ours' | 'bare'): Promise<number>
  stopWorker(side: 'ours' | 'bare'): Promise<void>
  /** Resolves when the worker is ready. */
  startWorker(side: 'ours' | 'bare'): Promise<void>
  /** Ends workflows that have done their part, so that they do not wake up while something else is measured. */
  terminate(workflowIds: string[]): Promise<void>
  versions: Record<string, string>
  stop(): Promise<void>
}

/** One of the two programs that are compared. */
export interface Side {
  http: HttpClient
  /** Of its own, because a Stripe sends its events to every endpoint that it knows. */
  stripe: LocalStripe
  /** The role that owns the database. */
  sql: postgres.Sql
}

/** @param say tells the user what is being started */
export async function startStack(say: (words: string) => void): Promise<Stack> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-bench-')))
  await chmod(directory, 0o755) // Postgres may run as another user, who must be able to enter.
  const processes = new Processes(directory)
  const callOffGuard = startGuard(directory, { removeState: true })
  const stop = async () => {
    await processes.stopAll(['api', 'bare-server', 'worker', 'bare-worker'])
    callOffGuard()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    return await startIn(processes, stop, say)
  } catch (error) {
    await stop()
    throw error
  }
}

async function startIn(
  processes: Processes,
  stop: () => Promise<void>,
  say: (words: string) => void,
): Promise<Stack> {
  const servers = await startServers(processes, say)
  const { database, temporalAddress, brokers } = servers
  const stripes = { ours: createLocalStripe(servers.stripe), bare: createLocalStripe(servers.bareStripe) }
  const workflowBundle = await ensureWorkflowBundle(processes.stateDirectory, say)
  const [apiPort = 0, workerPort = 0, barePort = 0, bareWorkerPort = 0] = await freePorts(4)
  const apiUrl = `http://127.0.0.1:${apiPort}`
  const bareUrl = `http://127.0.0.1:${barePort}`
  const operatorKey = `qk_operator_${randomBytes(16).toString('hex')}`
  const endpoint = await ensureWebhookEndpoint({
    stripe: { secretKey: localStripeKey, apiBase: servers.stripe },
    url: `${apiUrl}/webhooks/stripe`,
  })
  if (!endpoint) throw new Error('the local Stripe has told no webhook secret')

  const common = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: namespace,
    STRIPE_SECRET_KEY: localStripeKey,
  }
  const product = {
    ...common,
    PORT: String(apiPort),
    QUITTANCE_WORKER_HEALTH_PORT: String(workerPort),
    QUITTANCE_WORKFLOW_BUNDLE: workflowBundle,
    QUITTANCE_OPERATOR_KEY: operatorKey,
    DATABASE_URL: database.applicationUrl,
    DATABASE_SYSTEM_URL: database.systemUrl,
    KAFKA_BROKERS: brokers,
    STRIPE_API_BASE: servers.stripe,
    STRIPE_WEBHOOK_SECRET: endpoint.secret,
  }
  const bare = { ...common, DATABASE_URL: database.bareUrl, STRIPE_API_BASE: servers.bareStripe }
  const service = (
    name: string,
    entry: string,
    port: number,
    environment: Record<string, string | undefined>,
  ) =>
    startService({
      name,
      entry,
      environment,
      readyUrl: `http://127.0.0.1:${port}/readyz`,
      processes,
      say: () => say(`starting ${name}`),
      onError: (words) => say(`${name}: ${words}`),
    })
  // One after the other: each of them keeps a core busy while it starts.
  const startWorker = {
    ours: () => service('worker', 'worker/main.ts', workerPort, product),
    bare: () =>
      service('bare-worker', 'bench/bare/worker.ts', bareWorkerPort, {
        ...bare,
        PORT: String(bareWorkerPort),
      }),
  }
  await service('api', 'api/main.ts', apiPort, product)
  const ourWorker = await startWorker.ours()
  await service('bare-server', 'bench/bare/server.ts', barePort, { ...bare, PORT: String(barePort) })
  const workers = { ours: ourWorker, bare: await startWorker.bare() }

  const connection = await Connection.connect({ address: temporalAddress })
  const temporal = new Client({ connection, namespace })
  const open = (url: string) => postgres(url, { max: POOL_SIZE, onnotice: () => {} })
  const ours = {
    http: createHttpClient(apiUrl),
    stripe: stripes.ours,
    sql: open(database.ownerUrl),
    connections: connect({ ...database, poolSize: POOL_SIZE, applicationName: 'bench' }),
    webhookSecret: endpoint.secret,
  }
  const other = { http: createHttpClient(bareUrl), stripe: stripes.bare, sql: open(database.bareUrl) }
  await other.stripe.sdk.webhookEndpoints.create({
    url: `${bareUrl}/webhooks/signal`,
    enabled_events: ['checkout.session.completed'],
  })
  return {
    ours: { ...ours, project: await registerProject(ours.http, operatorKey) },
    bare: { ...other, priceId: await createPrice(other.stripe) },
    temporal,
    brokers,
    stopWorker: (side) => workers[side].stop(),
    async startWorker(side) {
      workers[side] = await startWorker[side]()
    },
    async terminate(workflowIds) {
      // What is terminated while its payment is open would be brought back within a minute, in the middle of another row.
      const paymentIds = workflowIds.map((id) => id.replace('checkout/', ''))
      await ours.sql`update payments set status = 'expired' where payment_id = any (${paymentIds})`
      await terminate(temporal, workflowIds)
    },
    memoryOf: (side) =>
      memoryAt(
        side === 'ours' ? `http://127.0.0.1:${workerPort}/metrics` : `http://127.0.0.1:${bareWorkerPort}`,
      ),
    versions: {
      Postgres: await postgresVersion(other.sql),
      Temporal: (await connection.workflowService.getSystemInfo({})).serverVersion,
      'Node.js': process.versions.node,
    },
    async stop() {
      for (const { http, sql } of [ours, other]) {
        http.close()
        await sql.end({ timeout: 1 })
      }
      await Promise.all([ours.connections.close(), connection.close()])
      await stop()
    },
  }
}

const namespace = 'default'
/** Connections of whoever is measured without a server between, on either side. */
const POOL_SIZE = 10

async function startServers(processes: Processes, say: (words: string) => void) {
  const [postgresPort = 0, temporalPort = 0, temporalUiPort = 0] = await freePorts(3)
  const [kafkaPort = 0, controllerPort = 0, stripePort = 0, bareStripePort = 0] = await freePorts(4)
  const surroundings: Surroundings = {
    environment: process.env,
    cacheDirectory:
      process.env.QUITTANCE_CACHE ?? path.resolve(import.meta.dirname, '..', '.quittance', 'cache'),
    say,
  }
  const { superuserUrl, ownerUrl } = await startPostgres(await findPostgres(surroundings), {
    processes,
    port: postgresPort,
    say: () => say('starting Postgres'),
  })
  await migrate({ ownerUrl, applicationPassword: localPassword, systemPassword: localPassword })
  const bareUrl = await createBareDatabase(superuserUrl)
  const { address } = await startTemporal(await findTemporal(surroundings), {
    processes,
    port: temporalPort,
    uiPort: temporalUiPort,
    namespace,
    keepState: true, // As `npm start` runs it.
    say: () => say('starting Temporal'),
  })
  const { brokers } = await startKafka(await findKafka(surroundings), {
    processes,
    port: kafkaPort,
    controllerPort,
    say: () => say('starting Kafka'),
  })
  await ensureEventTopics({ brokers: [brokers], sasl: undefined })
  const stripe = await startStripe({ processes, port: stripePort, keepState: false })
  const bareStripe = await startStripe({
    processes,
    port: bareStripePort,
    keepState: false,
    name: 'bare-stripe',
  })
  const as = (role: string) => ownerUrl.replace('quittance_owner', role)
  return {
    database: {
      ownerUrl,
      applicationUrl: as('quittance_app'),
      systemUrl: as('quittance_system'),
      bareUrl,
    },
    temporalAddress: address,
    brokers,
    stripe: stripe.apiBase,
    bareStripe: bareStripe.apiBase,
  }
}

/** Answers the address of a database in which a webhook, a payment and a wallet are a row each. */
async function createBareDatabase(superuserUrl: string): Promise<string> {
  const url = new URL(superuserUrl)
  url.pathname = 'bare'
  const superuser = postgres(superuserUrl, { max: 1 })
  await superuser`create database bare`
  await superuser.end()
  const sql = postgres(url.href, { max: 1 })
  await sql`create table inbox (event_id text primary key, payload jsonb not null)`
  await sql`create table payments (payment_id text primary key, status text not null)`
  await sql`create table wallets (user_id text primary key, balance bigint not null check (balance >= 0))`
  await sql.end()
  return url.href
}

async function registerProject(http: HttpClient, operatorKey: string): Promise<Stack['ours']['project']> {
  const shop = {
    name: 'Shop',
    currency: 'brl',
    plans: [{ id: 'pro', name: 'Pro', amount: 9_900, interval: 'month', roles: ['pro'] }],
    products: [{ id: 'report', name: 'Annual report', amount: 4_900, currency: 'brl' }],
  }
  const answer = await http.post('/api/v1/projects', JSON.stringify(shop), {
    authorization: `Bearer ${operatorKey}`,
  })
  const { project_id, api_key } = JSON.parse(expectStatus(201, answer)) as {
    project_id: ProjectId
    api_key: string
  }
  return { projectId: project_id, apiKey: api_key }
}

async function createPrice({ sdk }: LocalStripe): Promise<string> {
  const price = await sdk.prices.create({
    currency: 'brl',
    unit_amount: 4_900,
    product_data: { name: 'Annual report' },
  })
  return price.id
}

async function terminate(temporal: Client, workflowIds: string[]): Promise<void> {
  const left = [...workflowIds]
  const endOneAfterTheOther = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop())
      await temporal.workflow.getHandle(id).terminate('measured')
  }
  await Promise.all(Array.from({ length: 8 }, endOneAfterTheOther))
}

async function memoryAt(url: string): Promise<number> {
  const text = await (await fetch(url)).text()
  const bytes = /^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]
  if (bytes === undefined) throw new Error(`${url} does not tell its memory`)
  return Number(bytes) / 2 ** 20
}

async function postgresVersion(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ server_version: string }[]>`show server_version`
  return row?.server_version ?? 'unknown'
}
