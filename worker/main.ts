import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, type WorkflowBundleOption } from '@temporalio/worker'
import { collectDefaultMetrics } from 'prom-client'
import { type Config, loadConfig } from '../config.ts'
import { connect } from '../db/client.ts'
import { holdToMode } from '../db/installation.ts'
import { createDispatcher } from '../inbox/dispatch.ts'
import { createTellOwner } from '../inbox/tell-owner.ts'
import { createLogger, type Logger } from '../log.ts'
import { createEventPublisher } from '../providers/kafka.ts'
import { createMailer } from '../providers/mail.ts'
import { API_VERSION } from '../providers/stripe/api-version.ts'
import { createStripeBooks } from '../providers/stripe/books.ts'
import { createStripeClient } from '../providers/stripe/client.ts'
import { createStripeProvider } from '../providers/stripe/provider.ts'
import { temporalConnectionOptions } from '../providers/temporal.ts'
import { bundleWorkflows } from './bundle.ts'
import { serveHealth } from './health.ts'
import { startMailRelay } from './mail-relay.ts'
import { startMaintenance } from './maintenance.ts'
import { startRelay } from './relay.ts'
import { startRestoration } from './restoration.ts'
import { startRevival } from './revival.ts'
import { createSdkLogger } from './sdk-logs.ts'
import { startSweep } from './sweep.ts'
import { createTicker } from './ticker.ts'
import { createWorkers } from './workers.ts'

/** The worker process: workflows and activities, the relays to Kafka and to the mail server, the sweep of what was not told,
 *  the revival of what was ended by hand or lost, and upkeep. Only here are their adapters built. Any number of these processes may run side by side. */
async function main(): Promise<void> {
  const config = loadConfig()
  const logger = createLogger({ name: 'worker', level: config.logLevel })
  let ready = false
  collectDefaultMetrics()
  const health = config.workerHealthPort
    ? await serveHealth({ port: config.workerHealthPort, isReady: () => ready })
    : undefined

  const connections = connect({ ...config.database, applicationName: 'quittance-worker' })
  const { system } = connections
  const { livemode } = config.stripe
  await holdToMode(system, livemode)
  // What needs no Temporal goes on without it: events that are committed reach Kafka whatever else is down.
  const publisher = config.kafka && createEventPublisher(config.kafka)
  const relay = publisher && startRelay({ connections, publisher, logger })
  if (!relay) logger.warn('Kafka is not configured: events stay in the outbox')
  const mailer = config.mail && createMailer(config.mail)
  const mailRelay = mailer && startMailRelay({ connections, mailer, logger })
  const maintenance = startMaintenance({ system, logger })

  Runtime.install({
    logger: createSdkLogger(logger),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  })
  const connection = await connectToTemporal(config, logger)
  const temporal = new Client({
    connection: Connection.lazy(await temporalConnectionOptions(config.temporal)),
    namespace: config.temporal.namespace,
  })
  const dispatcher = createDispatcher({ system, temporal, livemode, apiVersion: API_VERSION, logger })
  const stripe = createStripeClient(config.stripe)
  const sweep = startSweep({ system, temporal, dispatcher, logger })
  const revival = startRevival({ system, temporal, logger })
  const restoration = startRestoration({ system, temporal, logger })
  const workers = await createWorkers({
    connection,
    namespace: config.temporal.namespace,
    workflowBundle: await workflowBundle(config),
    activities: {
      database: connections.application,
      provider: createStripeProvider(stripe),
      now: () => new Date(),
      ticker: createTicker(temporal),
    },
    reconciliation: {
      database: connections.application,
      system,
      books: createStripeBooks(stripe, { livemode }),
      tellOwner: createTellOwner({ system, dispatcher, livemode, apiVersion: API_VERSION }),
      livemode,
    },
    stripeActivitiesPerSecond: config.stripe.activitiesPerSecond,
    buildId: config.buildId,
    databasePoolSize: config.database.poolSize,
  })

  try {
    // The runtime ends them on SIGTERM and SIGINT: they finish what they have begun and take nothing new.
    const running = Promise.all(workers.map((worker) => worker.run()))
    ready = true
    logger.info({ healthPort: config.workerHealthPort }, 'worker ready')
    await running
  } finally {
    ready = false
    await Promise.all([
      sweep.stop(),
      revival.stop(),
      restoration.stop(),
      relay?.stop(),
      mailRelay?.stop(),
      maintenance.stop(),
    ])
    mailer?.close()
    await Promise.all([
      publisher?.close(),
      connections.close(),
      temporal.connection.close(),
      connection.close(),
    ])
    health?.close()
    logger.info('worker ended')
  }
}

function workflowBundle({
  workflowBundle: codePath,
}: Config): Promise<WorkflowBundleOption> | WorkflowBundleOption {
  return codePath === undefined ? bundleWorkflows(new DefaultLogger('ERROR')) : { codePath }
}

/** A worker that starts before Temporal waits for it. */
async function connectToTemporal(config: Config, logger: Logger): Promise<NativeConnection> {
  const options = await temporalConnectionOptions(config.temporal)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await NativeConnection.connect(options)
    } catch (error) {
      if (attempt % 10 === 1)
        logger.warn({ address: options.address, err: error }, 'Temporal cannot be reached yet')
      await sleep(1_000)
    }
  }
}

main().catch((error: unknown) => {
  createLogger({ name: 'worker', level: 'fatal' }).fatal({ err: error }, 'worker failed')
  process.exitCode = 1
  // Whoever supervises the process starts another.
  setTimeout(() => process.exit(1), 1_000).unref()
})
