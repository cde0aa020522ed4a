import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOrchestrator } from '../../api/orchestrator.ts'
import { BillingError, type ErrorCode } from '../../domain/errors.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { createDatabase, createNamespace, type TestDatabase } from '../support/stack.ts'
import { connect, type Connections } from '../../db/client.ts'
import { createTestApi, type TestApi, uniqueKey } from './support/api.ts'

/** The API with the product's own workflows behind it; only the payment provider is played. */
let api: TestApi
let workers: RunningWorkers
let database: TestDatabase
let connections: Connections
let key: string
let refusal: BillingError | undefined
const scripted = createScriptedProvider()

beforeAll(async () => {
  const [namespace] = await Promise.all([
    createNamespace(),
    createDatabase().then((created) => (database = created)),
  ])
  connections = connect({ ...database, poolSize: 8, applicationName: 'test-worker' })
  workers = await startWorkers(namespace, {
    database: connections.application,
    provider: {
      ...scripted.provider,
      async openCheckout(request, effectKey) {
        if (refusal) throw refusal
        return scripted.provider.openCheckout(request, effectKey)
      },
    },
    now: () => new Date(),
    ticker: noTicker,
  })
  api = await createTestApi({ database, orchestrator: createOrchestrator(workers.client) })
  ;({ key } = await api.registerProject())
})
beforeEach(() => {
  refusal = undefined
})
afterAll(async () => {
  await workers.stop()
  await Promise.all([api.close(), connections.close()])
  await database.drop()
})

const pay = (idempotencyKey = uniqueKey(), body: Record<string, unknown> = { plan_id: 'pro' }) =>
  api.call('POST', '/api/v1/payments', {
    key,
    body: { user_id: 'user-1', ...body },
    headers: { 'Idempotency-Key': idempotencyKey },
  })
const status = async (paymentId: unknown) =>
  (await api.call('GET', `/api/v1/payments/${String(paymentId)}/status`, { key })).body

describe('the API over real workflows', () => {
  it('publishes the prices of a project when it is registered', async () => {
    await api.registerProject({ plans: [], products: [{ id: 'map', name: 'Map', amount: 700 }] })
    await expect.poll(() => scripted.made.prices).toContainEqual(expect.stringContaining('map'))
  })

  it.each([{ plan_id: 'pro' }, { product_id: 'book' }, { amount: 500, currency: 'usd', description: 'Tea' }])(
    'opens one page for %j and gives it again to whoever repeats the request',
    async (body) => {
      const before = scripted.made.sessions.length
      const idempotencyKey = uniqueKey()
      const first = await pay(idempotencyKey, body)
      expect(first.status).toBe(201)
      expect(first.body.checkout_url).toBe(`http://127.0.0.1/pay/${String(first.body.checkout_session_id)}`)
      await api.connections.systemClient`update idempotency_keys set status = null, sealed_answer = null`
      expect((await pay(idempotencyKey, body)).body).toEqual(first.body)
      expect(scripted.made.sessions).toHaveLength(before + 1)
    },
  )

  it('opens one page when sixteen ask for the same at once', async () => {
    const before = scripted.made.sessions.length
    const idempotencyKey = uniqueKey()
    const answers = await Promise.all(Array.from({ length: 16 }, () => pay(idempotencyKey)))
    const opened = answers.filter(({ status: code }) => code === 201)
    expect(new Set(opened.map(({ body }) => body.payment_id)).size).toBe(1)
    expect(answers.every(({ status: code }) => code === 201 || code === 409)).toBe(true)
    expect(scripted.made.sessions).toHaveLength(before + 1)
  })

  it('opens sixteen pages for sixteen payments of one user at once', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => pay()))
    expect(answers.map(({ status: code }) => code)).toEqual(answers.map(() => 201))
    expect(new Set(answers.map(({ body }) => body.checkout_session_id)).size).toBe(16)
  })

  it('opens the page although the provider could not be reached at first', async () => {
    scripted.fail('openCheckout', 'refused_connection')
    expect((await pay()).status).toBe(201)
  })

  it('opens one page although the first answer of the provider was lost', async () => {
    const before = scripted.made.sessions.length
    scripted.fail('openCheckout', 'lost_answer')
    expect((await pay()).status).toBe(201)
    expect(scripted.made.sessions).toHaveLength(before + 1)
  })

  it.each([
    ['provider_refused', 422],
    ['provider_object_missing', 502],
  ] satisfies [ErrorCode, number][])(
    'tells of %s, and the payment has failed for good',
    async (code, httpStatus) => {
      refusal = new BillingError(code, { detail: 'The amount is below the minimum.' })
      const idempotencyKey = uniqueKey()
      const first = await pay(idempotencyKey)
      expect(first).toMatchObject({ status: httpStatus, body: { code } })
      await expect
        .poll(() => status(first.body.payment_id))
        .toMatchObject({ status: 'failed', failure_code: code })
      refusal = undefined
      const again = await pay(idempotencyKey)
      expect(again).toMatchObject({ status: httpStatus, body: { code, payment_id: first.body.payment_id } })
    },
  )

  it('says that the work goes on when the provider stays away, and takes it up again', async () => {
    refusal = new BillingError('provider_unavailable')
    const idempotencyKey = uniqueKey()
    const first = await pay(idempotencyKey)
    expect(first).toMatchObject({ status: 503, body: { code: 'outcome_pending' } })
    refusal = undefined
    await expect
      .poll(async () => (await pay(idempotencyKey)).status, { timeout: 25_000, interval: 500 })
      .toBe(201)
    const { body } = await pay(idempotencyKey)
    expect(body.payment_id).toBe(first.body.payment_id)
  }, 60_000)
})
