/** `npm run replay`: what a deployment of this checkout would do to the workflows that are open now. */

import path from 'node:path'
import { parseArgs } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, Runtime } from '@temporalio/worker'
import { loadTemporalConfig, type TemporalConfig } from '../config.ts'
import { readStack } from '../local/stack-file.ts'
import { temporalConnectionOptions } from '../providers/temporal.ts'
import { bundleWorkflows } from '../worker/bundle.ts'
import { type Replayed, replayOpenWorkflows } from './replay-open-workflows.ts'

const usage = `npm run replay -- [OPTIONS]

Replays every open workflow of a namespace against the code in this checkout and says what would break. It changes nothing.

  --address HOST:PORT  Temporal; otherwise TEMPORAL_ADDRESS, or that of a running "npm start"
  --namespace NAME     otherwise TEMPORAL_NAMESPACE, or that of a running "npm start"
  --query QUERY        which of the open ones, in Temporal's words: 'WorkflowType = "subscription"'
  --limit N            so many at most
  --help               this text

Ends with 0 when none would break, with 1 when one would, and with 2 when they could not be asked about.`

const root = path.resolve(import.meta.dirname, '..')
/** Told after so many. */
const PROGRESS_EVERY = 100

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  return 2
})

async function main(): Promise<number> {
  const { address, namespace, query, limit, help } = options()
  if (help) {
    console.log(usage)
    return 0
  }
  const temporal = await whereTemporalIs({ address, namespace })
  const connection = await connect(temporal)
  try {
    Runtime.install({
      // What breaks is told below, in fewer words.
      logger: new DefaultLogger('ERROR', () => {}),
      telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
    })
    console.log(
      `Replaying the open workflows of ${temporal.namespace} at ${temporal.address} against this checkout.`,
    )
    const { replayed, wouldBreak, pinned } = await replayOpenWorkflows({
      client: new Client({ connection, namespace: temporal.namespace }),
      bundle: await bundleWorkflows(new DefaultLogger('ERROR')),
      query,
      limit,
      tell: createTeller(),
    })
    if (pinned > 0) console.log(`${pinned} left out: they stay with the release that began them.`)
    console.log(`${replayed} replayed, ${wouldBreak} would break`)
    return wouldBreak > 0 ? 1 : 0
  } finally {
    await connection.close()
  }
}

function options() {
  const { values } = parseArgs({
    options: {
      address: { type: 'string' },
      namespace: { type: 'string' },
      query: { type: 'string' },
      limit: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const limit = values.limit === undefined ? undefined : Number(values.limit)
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    throw new Error('--limit takes a whole number, 1 or more.')
  return { ...values, limit }
}

/** What is said on the command line counts most, then the environment, then a stack that runs here. */
async function whereTemporalIs(asked: {
  address: string | undefined
  namespace: string | undefined
}): Promise<TemporalConfig> {
  const config = loadTemporalConfig()
  const { QUITTANCE_STATE, TEMPORAL_ADDRESS } = process.env
  const stack =
    asked.address === undefined && !TEMPORAL_ADDRESS
      ? await readStack(path.resolve(root, QUITTANCE_STATE || '.quittance'))
      : undefined
  return {
    ...config,
    address: asked.address ?? stack?.temporal_address ?? config.address,
    namespace: asked.namespace ?? stack?.temporal_namespace ?? config.namespace,
  }
}

/** @throws saying what could not be reached. */
async function connect(temporal: TemporalConfig): Promise<Connection> {
  const { address, namespace } = temporal
  const options = await temporalConnectionOptions(temporal)
  const connection = await Connection.connect({ ...options, connectTimeout: '5 seconds' }).catch(
    (error: unknown) => {
      throw new Error(
        `Temporal cannot be reached at ${address}. Name another with --address, or start it ("npm start" on a laptop).`,
        { cause: error },
      )
    },
  )
  await connection.workflowService.describeNamespace({ namespace }).catch(async (error: unknown) => {
    await connection.close()
    throw new Error(
      `Temporal at ${address} has no namespace ${namespace} for us. Name one with --namespace.`,
      {
        cause: error,
      },
    )
  })
  return connection
}

function createTeller(): (replayed: Replayed) => void {
  let count = 0
  return ({ workflowId, reason }) => {
    count += 1
    if (reason !== undefined) console.log(`${workflowId} would break: ${reason}`)
    if (count % PROGRESS_EVERY === 0) console.log(`${count} replayed …`)
  }
}
