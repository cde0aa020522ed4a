import { Client, Connection } from '@temporalio/client'
import { collectDefaultMetrics } from 'prom-client'
import { type Config, loadConfig } from '../config.ts'
import { connect } from '../db/client.ts'
import { holdToMode } from '../db/installation.ts'
import { createDispatcher, type Dispatcher } from '../inbox/dispatch.ts'
import { createLogger, type Logger } from '../log.ts'
import { API_VERSION } from '../providers/stripe/api-version.ts'
import { createStripeClient } from '../providers/stripe/client.ts'
import { createStripeProvider } from '../providers/stripe/provider.ts'
import { createWebhookVerifier } from '../providers/stripe/webhook-signature.ts'
import { temporalConnectionOptions } from '../providers/temporal.ts'
import { createApp } from './app.ts'
import { createMetrics } from './metrics.ts'
import { createOrchestrator } from './orchestrator.ts'
import { describeError } from './problem.ts'
import { serve } from './serve.ts'

/** The API process. Many may run side by side. */

const config = loadConfig()
const logger = createLogger({ name: 'api', level: config.logLevel })
await run(config, logger)

async function run(config: Config, logger: Logger): Promise<void> {
  const { database, temporal, stripe } = config
  const connections = connect({ ...database, applicationName: 'quittance-api' })
  const { application, system } = connections
  // Not waited for: while Postgres is away there is nothing to be mixed up, and whoever asks is told to come again.
  holdToMode(system, stripe.livemode).catch((error: unknown) => {
    logger.fatal({ error: describeError(error) }, 'api cannot work with this database')
    process.exit(1)
  })
  // Lazy: webhooks are stored and statuses read while Temporal is away.
  const connection = Connection.lazy(await temporalConnectionOptions(temporal))
  const client = new Client({ connection, namespace: temporal.namespace })
  const dispatcher = countDispatches(
    createDispatcher({
      system,
      temporal: client,
      livemode: stripe.livemode,
      apiVersion: API_VERSION,
      logger,
    }),
  )
  const metrics = createMetrics()
  collectDefaultMetrics({ register: metrics.registry })
  const app = createApp({
    application,
    system,
    orchestrator: createOrchestrator(client),
    provider: createStripeProvider(createStripeClient(stripe)),
    verifyWebhook: createWebhookVerifier({ secrets: stripe.webhookSecrets }),
    dispatcher,
    operatorKey: config.operatorKey,
    livemode: stripe.livemode,
    publicUrl: config.publicUrl,
    logger,
    metrics,
  })
  const server = await serve(app.fetch, { host: config.host, port: config.port })
  logger.info({ url: server.url, livemode: stripe.livemode }, 'api ready')

  let isStopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1) // Asked twice: whoever asks does not want to wait.
    isStopping = true
    logger.info({ signal }, 'api stops')
    shutDown().catch((error: unknown) => {
      logger.error({ error: describeError(error) }, 'api did not stop cleanly')
      process.exit(1)
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  async function shutDown(): Promise<void> {
    await server.close()
    await dispatcher.settled()
    // Temporal's connection ends with the process: closing it under a call that is tried again throws out of a timer.
    await connections.close()
    logger.info('api stopped')
    process.exit(0)
  }
}

/** Knows which dispatches are under way, so that the connections they use are not closed under them. */
function countDispatches(dispatcher: Dispatcher): Dispatcher & { settled(): Promise<unknown> } {
  const underWay = new Set<Promise<unknown>>()
  return {
    dispatch(event) {
      const work = dispatcher.dispatch(event).finally(() => underWay.delete(work))
      underWay.add(work)
      return work
    },
    note: (event) => dispatcher.note(event),
    settled: () => Promise.allSettled(underWay),
  }
}
