/** `npm run setup`: prepares the servers of a deployment for this release. Run it before the new release starts; repeating
 *  it does no harm. With `--webhook-secret-file FILE` a webhook secret that is created is kept in that file. */

import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { loadSetupConfig, type SetupConfig } from '../config.ts'
import { connect } from '../db/client.ts'
import { holdToMode } from '../db/installation.ts'
import { ensureEventTopics } from './kafka-topics.ts'
import { migrate } from './migrate.ts'
import { ensureReconcileSchedule } from './reconcile-schedule.ts'
import { ensureSearchAttributes } from './search-attributes.ts'
import { ensureWebhookEndpoint } from './webhook-endpoint.ts'

const { values } = parseArgs({ options: { 'webhook-secret-file': { type: 'string' } } })
const config = loadSetupConfig()

await prepareDatabase(config)
const attributes = await ensureSearchAttributes(config.temporal)
tell('Temporal', attributes.length > 0 ? `registered ${attributes.join(', ')}` : 'has every search attribute')
const { reconcileEveryMinutes: minutes } = config
await ensureReconcileSchedule(config.temporal, minutes)
tell('Temporal', minutes > 0 ? `compares Stripe's books every ${minutes} minutes` : 'compares by hand only')
if (config.kafka) {
  const topics = await ensureEventTopics(config.kafka)
  tell('Kafka', topics.length > 0 ? `created ${topics.join(', ')}` : 'has every topic')
} else tell('Kafka', 'left out: events stay in the outbox')
await prepareStripe(config, values['webhook-secret-file'])

async function prepareDatabase({ database, databaseOwnerUrl, stripe }: SetupConfig): Promise<void> {
  if (!databaseOwnerUrl) return tell('Postgres', 'not migrated, because DATABASE_OWNER_URL is not set')
  await migrate({
    ownerUrl: databaseOwnerUrl,
    applicationPassword: decodeURIComponent(new URL(database.applicationUrl).password),
    systemPassword: decodeURIComponent(new URL(database.systemUrl).password),
  })
  const connections = connect({ ...database, poolSize: 1, applicationName: 'quittance-setup' })
  try {
    await holdToMode(connections.system, stripe.livemode)
  } finally {
    await connections.close()
  }
  tell('Postgres', `is migrated, and keeps the books of ${stripe.livemode ? 'live' : 'test'} mode`)
}

async function prepareStripe(
  { stripe, publicUrl }: SetupConfig,
  secretFile: string | undefined,
): Promise<void> {
  if (!publicUrl)
    return tell('Stripe', 'no webhook endpoint created, because QUITTANCE_PUBLIC_URL is not set')
  const kept = secretFile && (await readFile(secretFile, 'utf8').catch(() => '')).trim()
  const url = new URL('/webhooks/stripe', publicUrl).href
  const endpoint = await ensureWebhookEndpoint({
    stripe,
    url,
    known: kept ? { secret: kept } : undefined,
    // At Stripe itself the running release may depend on an endpoint whose secret we were not told.
    replaceUnknown: secretFile !== undefined && stripe.apiBase !== undefined,
  })
  if (!endpoint)
    return tell('Stripe', `has a webhook endpoint for ${url}; its secret is in STRIPE_WEBHOOK_SECRET`)
  if (endpoint.secret === kept) return tell('Stripe', `has the webhook endpoint for ${url}`)
  if (!secretFile)
    return tell(
      'Stripe',
      `created a webhook endpoint for ${url}. Set STRIPE_WEBHOOK_SECRET=${endpoint.secret}`,
    )
  await writeFile(secretFile, endpoint.secret, { mode: 0o600 })
  tell('Stripe', `created a webhook endpoint for ${url}; its secret is in ${secretFile}`)
}

function tell(server: string, words: string): void {
  console.log(`${server.padEnd(8)}  ${words}`)
}
