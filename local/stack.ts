/** Starts what the plan says, everything at once as far as one thing does not need another. */

import path from 'node:path'
import { readFile } from 'node:fs/promises'
import { loadConfig, type Config } from '../config.ts'
import type { WebhookSecret } from '../setup/webhook-endpoint.ts'
import { ensureDemoProject } from './demo-project.ts'
import type { Surroundings } from './parts/fetch.ts'
import { findKafka, startKafka } from './parts/kafka.ts'
import { findPostgres, startPostgres } from './parts/postgres.ts'
import { startStripe } from './parts/stripe.ts'
import { findTemporal, startTemporal } from './parts/temporal.ts'
import type { Plan } from './plan.ts'
import type { Processes, RunningProcess } from './processes.ts'
import type { Progress } from './progress.ts'
import { startService } from './services.ts'
import { readStack, writeOwn, writeStack, type Stack } from './stack-file.ts'
import { supervise } from './supervise.ts'
import { ensureWorkflowBundle } from './workflow-bundle.ts'

export interface Run {
  plan: Plan
  processes: Processes
  progress: Progress
  cacheDirectory: string
  isEnding: () => boolean
  /** The entries of the two services, by their paths in this checkout. */
  services: { api: string; worker: string }
}

/** Loading the clients of four servers takes longer than the servers take to start, so they are loaded meanwhile. */
const setup = {
  database: () => import('../setup/migrate.ts'),
  temporal: () => import('../setup/search-attributes.ts'),
  schedule: () => import('../setup/reconcile-schedule.ts'),
  kafka: () => import('../setup/kafka-topics.ts'),
  stripe: () => import('../setup/webhook-endpoint.ts'),
}
const mailboxServer = () => import('./mailbox/server.ts')

/** Resolves when the API answers and the demo project is there.
 *  @throws what the first part that failed said; the others may then still be starting. */
export async function startStack(run: Run): Promise<Stack> {
  const { plan, processes } = run
  const config = loadConfig({ ...plan.environment, NODE_ENV: 'development' })
  const earlier = await readStack(processes.stateDirectory)

  const services = async () => {
    const [webhookSecret, workflowBundle] = await Promise.all([
      step(run, 'stripe', () => stripeWithEndpoint(run, config)),
      step(run, 'worker', () => bundledWorkflows(run)),
      step(run, 'postgres', () => migratedDatabase(run)),
      step(run, 'temporal', () => temporalWithAttributes(run, config)),
    ])
    const environment = {
      ...plan.environment,
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      QUITTANCE_WORKFLOW_BUNDLE: workflowBundle,
    }
    await Promise.all([
      step(run, 'worker', () => service(run, 'worker', plan.ports.worker, environment)),
      step(run, 'api', () => service(run, 'api', plan.ports.api, environment)),
    ])
    return webhookSecret
  }
  // Nothing but the relays need Kafka and the mailbox, and they can wait for them.
  const [webhookSecret, mailboxUrl] = await Promise.all([
    services(),
    step(run, 'mailbox', () => mailbox(run)),
    step(run, 'kafka', () => kafkaWithTopics(run, config)),
  ])

  const { ensureReconcileSchedule } = await setup.schedule()
  await ensureReconcileSchedule(config.temporal, config.reconcileEveryMinutes)
  const { QUITTANCE_OPERATOR_KEY: operatorKey } = plan.environment
  const stack: Stack = {
    api_url: plan.apiUrl,
    operator_key: operatorKey,
    demo: await ensureDemoProject(plan.apiUrl, operatorKey, earlier?.demo),
    temporal_address: plan.environment.TEMPORAL_ADDRESS,
    temporal_namespace: plan.environment.TEMPORAL_NAMESPACE,
    temporal_ui_url: plan.temporalUiUrl ?? null,
    kafka_brokers: plan.environment.KAFKA_BROKERS,
    database_url: plan.environment.DATABASE_URL,
    database_owner_url: plan.ownerUrl ?? null,
    stripe_api_base: plan.environment.STRIPE_API_BASE,
    stripe_secret_key: plan.environment.STRIPE_SECRET_KEY,
    stripe_webhook_secret: webhookSecret,
    mailbox_url: mailboxUrl ?? null,
  }
  await writeStack(processes.stateDirectory, stack)
  return stack
}

/** Runs a step and shows in its line how it went. */
async function step<Result>(run: Run, name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!run.isEnding()) run.progress.failed(name, (error as Error).message)
    throw error
  }
}

/** Starts a part and, from then on, starts it again whenever it dies. */
async function keepRunning<Part extends RunningProcess>(
  { progress, isEnding }: Run,
  name: string,
  start: () => Promise<Part>,
): Promise<Part> {
  const part = await start()
  const report = (words: string) => progress.note(`${name} ${words}`)
  void supervise(part, { start, report, isEnding })
  return part
}

async function migratedDatabase(run: Run): Promise<void> {
  const { plan, processes, progress } = run
  const { DATABASE_URL, DATABASE_SYSTEM_URL } = plan.environment
  if (plan.starts.postgres) {
    const binaries = await findPostgres(surroundings(run, 'postgres'))
    const { say } = surroundings(run, 'postgres')
    await keepRunning(run, 'postgres', () =>
      startPostgres(binaries, { processes, port: plan.ports.postgres, say }),
    )
  }
  if (plan.ownerUrl) {
    progress.say('postgres', 'migrating')
    const { migrate } = await setup.database()
    await migrate({
      ownerUrl: plan.ownerUrl,
      applicationPassword: decodeURIComponent(new URL(DATABASE_URL).password),
      systemPassword: decodeURIComponent(new URL(DATABASE_SYSTEM_URL).password),
    })
  }
  progress.done(
    'postgres',
    plan.starts.postgres ? `on port ${plan.ports.postgres}` : 'yours, by DATABASE_URL',
  )
}

async function temporalWithAttributes(run: Run, config: Config): Promise<void> {
  const { plan, processes, progress } = run
  const { namespace, address } = config.temporal
  if (plan.starts.temporal) {
    const cli = await findTemporal(surroundings(run, 'temporal'))
    const { say } = surroundings(run, 'temporal')
    const { temporal: port, temporalUi: uiPort } = plan.ports
    await keepRunning(run, 'temporal', () =>
      startTemporal(cli, { processes, port, uiPort, namespace, keepState: true, say }),
    )
  } else {
    const { ensureSearchAttributes } = await setup.temporal()
    await ensureSearchAttributes(config.temporal)
  }
  progress.done('temporal', plan.starts.temporal ? `on port ${plan.ports.temporal}` : `yours, at ${address}`)
}

async function kafkaWithTopics(run: Run, config: Config): Promise<void> {
  const { plan, processes, progress } = run
  if (!config.kafka) return progress.done('kafka', 'left out: events stay in the outbox')
  if (plan.starts.kafka) {
    const { say } = surroundings(run, 'kafka')
    const installation = await findKafka(surroundings(run, 'kafka'))
    const { kafka: port, kafkaController: controllerPort } = plan.ports
    await keepRunning(run, 'kafka', () => startKafka(installation, { processes, port, controllerPort, say }))
  }
  progress.say('kafka', 'creating topics')
  const { ensureEventTopics } = await setup.kafka()
  await ensureEventTopics(config.kafka)
  progress.done(
    'kafka',
    plan.starts.kafka ? `on port ${plan.ports.kafka}` : `yours, at ${config.kafka.brokers.join(',')}`,
  )
}

/** Answers the secret that the API verifies Stripe's events with. */
async function stripeWithEndpoint(run: Run, config: Config): Promise<string> {
  const { plan, processes, progress } = run
  if (plan.starts.stripe) {
    const { say } = surroundings(run, 'stripe')
    await keepRunning(run, 'stripe', () =>
      startStripe({
        processes,
        port: plan.ports.stripe,
        keepState: true,
        // As docs/deployment.md asks of a Stripe account: Quittance alone retries.
        settings: { retry_days: [] },
        say,
      }),
    )
  }
  const secret = plan.environment.STRIPE_WEBHOOK_SECRET ?? (await localWebhookSecret(run, config))
  progress.done(
    'stripe',
    plan.starts.stripe ? `local, on port ${plan.ports.stripe}` : `at ${config.stripe.apiBase}`,
  )
  return secret
}

async function localWebhookSecret({ plan, processes }: Run, config: Config): Promise<string> {
  const file = path.join(processes.stateDirectory, 'webhook-endpoint.json')
  const known = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as WebhookSecret)
    .catch(() => undefined)
  const url = `${plan.apiUrl}/webhooks/stripe`
  const { ensureWebhookEndpoint } = await setup.stripe()
  const endpoint = await ensureWebhookEndpoint({ stripe: config.stripe, url, known, replaceUnknown: true })
  if (!endpoint) throw new Error('The local Stripe has told no secret for its webhook endpoint')
  await writeOwn(file, endpoint)
  return endpoint.secret
}

/** Runs in this process: it is too small for one of its own.
 *  @returns the address of its page. */
async function mailbox({ plan, progress }: Run): Promise<string | undefined> {
  if (!plan.starts.mailbox) {
    progress.done('mailbox', 'left out: mails go to your own server, by SMTP_URL')
    return undefined
  }
  const { startMailbox } = await mailboxServer()
  const { mailbox: port, smtp: smtpPort } = plan.ports
  const { url } = await startMailbox({ port, smtpPort })
  progress.done('mailbox', `on port ${port}, takes mails on port ${smtpPort}`)
  return url
}

async function bundledWorkflows({ plan, processes, progress }: Run): Promise<string> {
  const own = plan.environment.QUITTANCE_WORKFLOW_BUNDLE
  return own || ensureWorkflowBundle(processes.stateDirectory, (words) => progress.say('worker', words))
}

async function service(
  run: Run,
  name: 'api' | 'worker',
  port: number,
  environment: Record<string, string | undefined>,
): Promise<void> {
  const { processes, progress } = run
  const { say } = surroundings(run, name)
  const onError = (words: string) => {
    if (!run.isEnding()) progress.note(`${name}: ${words}`)
  }
  const readyUrl = `http://127.0.0.1:${port}/readyz`
  const entry = run.services[name]
  await keepRunning(run, name, () =>
    startService({ name, entry, environment, readyUrl, processes, say, onError }),
  )
  progress.done(name, `on port ${port}`)
}

function surroundings({ plan, progress, cacheDirectory }: Run, part: string): Surroundings {
  return { environment: plan.environment, cacheDirectory, say: (words) => progress.say(part, words) }
}
