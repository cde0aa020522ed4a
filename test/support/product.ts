import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { Client, Connection } from '@temporalio/client'
import postgres from 'postgres'
import { inject } from 'vitest'
import { localStripeKey, startStripe } from '../../local/parts/stripe.ts'
import { freePorts } from '../../local/ports.ts'
import { Processes } from '../../local/processes.ts'
import { startService } from '../../local/services.ts'
import { ensureWebhookEndpoint } from '../../setup/webhook-endpoint.ts'
import { type CheckoutClient, createCheckoutClient } from './checkout-client.ts'
import { type EventLog, startEventLog } from './event-log.ts'
import { createLocalStripe, type LocalStripe } from './local-stripe.ts'
import { type Restartable, startRestartable } from './restartable.ts'
import { createDatabase, createNamespace, part } from './stack.ts'

/** The servers that the product stands on. */
export interface Servers {
  database: { applicationUrl: string; systemUrl: string; ownerUrl: string }
  temporal: { address: string; namespace: string }
  kafka: { brokers: string }
}

/** The whole product as processes of its own, on real servers, with one project registered. */
export interface Product {
  servers: Servers
  apiUrl: string
  projectId: string
  client: CheckoutClient
  /** Acts as the first operator. */
  operator: CheckoutClient
  /** What is given replaces what projects of these tests have. */
  registerProject: (sells?: object) => Promise<{ projectId: string; client: CheckoutClient }>
  stripe: LocalStripe
  /** Posts a webhook that is signed as Stripe signs it, and answers the status. */
  sendWebhook: (event: object) => Promise<number>
  /** Everything at Temporal in the product's namespace. */
  temporal: Client
  /** The owner's role: sees every row of every project. */
  sql: postgres.Sql
  events: EventLog
  api: Restartable
  worker: Restartable
  stripeServer: Restartable
  logFiles: string[]
  /** Where each process tells its own figures. */
  metricsUrls: { api: string; worker: string }
  end(): Promise<void>
}

export interface ProductOptions {
  /** Servers that the test has started itself, because it means to kill them. */
  servers?: Servers
  logLevel?: string
  /** Where mails are handed over; none are sent when left out. */
  smtpUrl?: string
  /** Those of the run of tests, when left out. */
  runDirectory?: string
  workflowBundle?: string
}

/** Starts API and worker against a database, a namespace and a local Stripe of their own, and the run's Kafka. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const { runDirectory = inject('runDirectory'), workflowBundle = part('workflowBundle').file } = options
  const servers = options.servers ?? (await sharedServers())
  const [stripePort = 0, apiPort = 0, workerPort = 0] = await freePorts(3)
  const processes = new Processes(runDirectory)
  const apiUrl = `http://127.0.0.1:${apiPort}`
  const operatorKey = `qk_operator_${randomBytes(16).toString('hex')}`

  const stripeServer = await startRestartable(() =>
    startStripe({ processes, port: stripePort, keepState: true, name: `stripe-${stripePort}` }),
  )
  const stripe = createLocalStripe(`http://127.0.0.1:${stripePort}`)
  const endpoint = await ensureWebhookEndpoint({
    stripe: { secretKey: localStripeKey, apiBase: stripe.apiBase },
    url: `${apiUrl}/webhooks/stripe`,
  })
  const environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LOG_LEVEL: options.logLevel ?? 'info',
    PORT: String(apiPort),
    QUITTANCE_WORKER_HEALTH_PORT: String(workerPort),
    QUITTANCE_WORKFLOW_BUNDLE: workflowBundle,
    QUITTANCE_OPERATOR_KEY: operatorKey,
    DATABASE_URL: servers.database.applicationUrl,
    DATABASE_SYSTEM_URL: servers.database.systemUrl,
    TEMPORAL_ADDRESS: servers.temporal.address,
    TEMPORAL_NAMESPACE: servers.temporal.namespace,
    KAFKA_BROKERS: servers.kafka.brokers,
    STRIPE_API_BASE: stripe.apiBase,
    STRIPE_SECRET_KEY: localStripeKey,
    STRIPE_WEBHOOK_SECRET: endpoint?.secret,
    ...(options.smtpUrl !== undefined && { SMTP_URL: options.smtpUrl, MAIL_FROM: 'billing@shop.test' }),
  }
  const service = (kind: 'api' | 'worker', port: number) =>
    startRestartable(() =>
      startService({
        name: `${kind}-${port}`,
        entry: path.join(kind, 'main.ts'),
        environment,
        readyUrl: `http://127.0.0.1:${port}/readyz`,
        processes,
        say: () => {},
        onError: () => {},
      }),
    )
  const [api, worker, events] = await Promise.all([
    service('api', apiPort),
    service('worker', workerPort),
    startEventLog(servers.kafka.brokers),
  ])

  const sql = postgres(servers.database.ownerUrl, { max: 4, onnotice: () => {}, backoff: () => 0.2 })
  const connection = Connection.lazy({ address: servers.temporal.address })
  const operator = createCheckoutClient({ apiUrl, apiKey: operatorKey })
  const registerProject = async (sells: object = {}) => {
    const { status, body } = await operator.call('POST', '/api/v1/projects', { body: { ...shop, ...sells } })
    if (status !== 201) throw new Error(`no project: ${status} ${JSON.stringify(body)}`)
    const client = createCheckoutClient({ apiUrl, apiKey: String(body.api_key) })
    return { projectId: String(body.project_id), client }
  }
  return {
    servers,
    apiUrl,
    ...(await registerProject()),
    operator,
    registerProject,
    stripe,
    async sendWebhook(event) {
      const body = JSON.stringify(event)
      const signature = stripe.sdk.webhooks.generateTestHeaderString({
        payload: body,
        secret: endpoint?.secret ?? '',
      })
      const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
      return (await fetch(`${apiUrl}/webhooks/stripe`, { method: 'POST', headers, body })).status
    },
    temporal: new Client({ connection, namespace: servers.temporal.namespace }),
    sql,
    events,
    api,
    worker,
    stripeServer,
    logFiles: [`api-${apiPort}`, `worker-${workerPort}`].map((name) => processes.logFile(name)),
    metricsUrls: { api: `${apiUrl}/metrics`, worker: `http://127.0.0.1:${workerPort}/metrics` },
    async end() {
      await processes.stopAll()
      await Promise.all([events.stop(), sql.end({ timeout: 5 }), connection.close()])
    },
  }
}

let common: Promise<Product> | undefined

/** The product that this worker's test files have in common, whole again whatever the last one has done to it, with a project
 *  that is the file's own. Starting one costs more than most tests. It ends with the run. */
export async function joinProduct(): Promise<Product> {
  const product = await (common ??= startProduct())
  await product.stripeServer.ensure()
  await Promise.all([product.api.ensure(), product.worker.ensure(), product.stripe.endFaults()])
  return { ...product, ...(await product.registerProject()), end: async () => {} }
}

/** The run's servers, with a database and a namespace that no other test uses. */
async function sharedServers(): Promise<Servers> {
  const [database, temporal] = await Promise.all([createDatabase(), createNamespace()])
  return { database, temporal, kafka: part('kafka') }
}

const plan = { currency: 'brl', interval: 'month' }

/** What every project of these tests sells. */
const shop = {
  name: 'Shop',
  currency: 'brl',
  plans: [
    { ...plan, id: 'pro', name: 'Pro', amount: 9_900, roles: ['pro'] },
    { ...plan, id: 'team', name: 'Team', amount: 49_900, roles: ['pro', 'team'] },
  ],
  products: [{ id: 'book', name: 'Annual report', amount: 4_900, currency: 'brl' }],
}
