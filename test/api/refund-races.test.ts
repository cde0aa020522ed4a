import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { createFollowRefund } from '../../activities/follow-refund.ts'
import { createOpenRefund } from '../../activities/open-refund.ts'
import { connect, type Connections, inProject } from '../../db/client.ts'
import { deriveId } from '../../db/mint-id.ts'
import { listRefundsOfCharge } from '../../db/refunds.ts'
import { parseId, type ProjectId } from '../../domain/ids.ts'
import { createStripeClient } from '../../providers/stripe/client.ts'
import { createStripeProvider } from '../../providers/stripe/provider.ts'
import { atMost } from '../support/at-most.ts'
import { capture, type Captured } from '../support/captured.ts'
import { runs, seed, timeout } from '../support/effort.ts'
import { createLocalStripe, type LocalStripe } from '../support/local-stripe.ts'
import { createRandom } from '../support/random.ts'
import { createDatabase, createStripe, type TestDatabase } from '../support/stack.ts'
import { createTestApi, operatorKey, type TestApi } from './support/api.ts'

let api: TestApi
let key: string
let projectId: ProjectId
let database: TestDatabase
let connections: Connections
let server: Awaited<ReturnType<typeof createStripe>>
let stripe: LocalStripe
let dependencies: ActivityDependencies

beforeAll(async () => {
  ;[database, server] = await Promise.all([createDatabase(), createStripe()])
  stripe = createLocalStripe(server.apiBase)
  connections = connect({ ...database, poolSize: 16, applicationName: 'test-worker' })
  const provider = createStripeProvider(createStripeClient(server))
  dependencies = {
    database: connections.application,
    provider,
    now: () => new Date(),
    ticker: { tick: async () => false },
  }
  const follow = createFollowRefund(dependencies)
  api = await createTestApi({
    database,
    poolSize: 16,
    readCharge: (request) => provider.readCharge(request),
    // What the workflow does first, without the workflow: this race is between Postgres and Stripe.
    orchestrator: {
      tryRefund: async (refund) => void (await follow({ ...refund, cause: { by: 'stripe' } })),
    },
  })
  const registered = await api.registerProject()
  key = registered.key
  projectId = parseId('prj', registered.projectId)
})
afterAll(async () => {
  await Promise.all([api.close(), connections.close(), server.stop()])
  await database.drop()
})

/** `npm run refund-races` runs a thousand. */
const RACES = runs(12)

interface Outcome {
  by: 'project' | 'operator' | 'dashboard'
  asked: number
  status: number
  left?: number
  refundId?: string
}

/** Two to sixteen want parts of one payment back, all at once. */
async function race(random: () => number, number: number): Promise<string[]> {
  const seeded = { connections, database, close: async () => {} }
  const sold = await capture(seeded, dependencies, stripe, projectId, { userId: `racer-${number}` })
  const count = 2 + Math.floor(random() * 15)
  const asks = Array.from({ length: count }, () => {
    const by = random() < 0.4 ? 'project' : random() < 0.6 ? 'operator' : 'dashboard'
    const asked = random() < 0.1 ? sold.amount : 1 + Math.floor(random() * (sold.amount / 2))
    return { by, asked } as const
  })
  const outcomes = await Promise.all(
    asks.map(({ by, asked }) =>
      by === 'dashboard' ? refundInDashboard(sold, asked) : refundOverApi(sold, { by, asked }),
    ),
  )
  return flawsOf(sold, outcomes)
}

async function refundOverApi(
  { payment }: Captured,
  { by, asked }: { by: 'project' | 'operator'; asked: number },
): Promise<Outcome> {
  const { status, body } = await api.call<{ refund_id?: string; amount_left?: number }>(
    'POST',
    '/api/v1/refunds',
    {
      key: by === 'project' ? key : operatorKey,
      headers: { 'x-project-id': projectId },
      body: { payment_id: payment.paymentId, amount: asked },
    },
  )
  return {
    by,
    asked,
    status,
    ...(body.amount_left !== undefined && { left: body.amount_left }),
    ...(body.refund_id !== undefined && { refundId: body.refund_id }),
  }
}

/** With the event that tells of it. */
async function refundInDashboard({ payment, stripeChargeId }: Captured, asked: number): Promise<Outcome> {
  const by = 'dashboard'
  const made = await stripe.sdk.refunds
    .create({ charge: stripeChargeId, amount: asked })
    .catch(() => undefined)
  if (!made) return { by, asked, status: 400 }
  const refundId = deriveId('rfd', projectId, made.id)
  const opening = { kind: 'dashboard' as const, stripeRefundId: made.id, ownerId: payment.paymentId }
  await createOpenRefund(dependencies)({ projectId, refundId, opening })
  await createFollowRefund(dependencies)({ projectId, refundId, cause: { by: 'stripe' } })
  return { by, asked, status: 202, refundId }
}

async function flawsOf(
  { payment, stripeChargeId, amount }: Captured,
  outcomes: Outcome[],
): Promise<string[]> {
  const { data } = await stripe.sdk.refunds.list({ charge: stripeChargeId, limit: 100 })
  const rows = await inProject(connections.application, projectId, (transaction) =>
    listRefundsOfCharge(transaction, { projectId, stripeChargeId }),
  )
  const atStripe = data.reduce((sum, refund) => sum + refund.amount, 0)
  const succeeded = rows.filter(({ status }) => status === 'succeeded')
  const withUs = succeeded.reduce((sum, row) => sum + row.amount, 0)
  const flaws: string[] = []
  if (atStripe > amount) flaws.push(`${atStripe} of ${amount} went back`)
  if (withUs !== atStripe) flaws.push(`${withUs} went back with us, and ${atStripe} at Stripe`)
  if (rows.some(({ status }) => status === 'pending')) flaws.push('one is not done')
  for (const { by, asked, status, left, refundId } of outcomes) {
    const what = `${by} asked for ${asked}`
    if (status === 202 && !succeeded.some((row) => row.refundId === refundId && row.amount === asked))
      flaws.push(`${what}, was accepted, and it is not done`)
    if (status !== 202 && by !== 'dashboard' && (status !== 409 || left === undefined || left >= asked))
      flaws.push(`${what}, was answered ${status}, and told that ${left} is left`)
  }
  return flaws.map((flaw) => `${payment.paymentId}: ${flaw}`)
}

describe(`${RACES} races for one payment each`, () => {
  it(
    'never give back more than was captured: each that is accepted is done, each that is refused is told what is left',
    { timeout },
    async () => {
      const random = createRandom(seed)
      const numbers = Array.from({ length: RACES }, (_, number) => number)
      const flaws = await atMost(4, numbers, (number) => race(random, number))
      expect(flaws.flat(), `seed ${seed}`).toEqual([])
    },
  )
})
