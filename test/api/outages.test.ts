import { Client, Connection } from '@temporalio/client'
import { afterEach, describe, expect, it } from 'vitest'
import { createOrchestrator } from '../../api/orchestrator.ts'
import { freePorts } from '../../local/ports.ts'
import { createDatabase, createNamespace } from '../support/stack.ts'
import { createTestApi, operatorKey, shop, type TestApi, uniqueKey } from './support/api.ts'
import { createCountingWire } from './support/round-trips.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function apiWithTemporalAt(address: string, namespace = 'default'): Promise<TestApi> {
  const connection = Connection.lazy({ address })
  const api = await createTestApi({ orchestrator: createOrchestrator(new Client({ connection, namespace })) })
  // The connection stays open: closing it under a call that is still tried again throws in a timer of Temporal's client.
  closing.push(() => api.close())
  return api
}

const body = { user_id: 'user-1', plan_id: 'pro' }

describe('while Temporal is away', () => {
  it('projects are registered, statuses read, webhooks taken, and a payment is accepted to be taken up again', async () => {
    const [port = 0] = await freePorts(1)
    const api = await apiWithTemporalAt(`127.0.0.1:${port}`)
    const startedAt = Date.now()
    const { key } = await api.registerProject()
    expect(Date.now() - startedAt).toBeLessThan(4_000)

    const headers = { 'Idempotency-Key': uniqueKey() }
    const first = await api.call('POST', '/api/v1/payments', { key, body, headers })
    expect(first).toMatchObject({ status: 503, body: { code: 'orchestrator_unavailable' } })
    expect(Number(first.headers.get('Retry-After'))).toBeGreaterThan(0)
    const again = await api.call('POST', '/api/v1/payments', { key, body, headers })
    expect(again.body.payment_id).toBe(first.body.payment_id)

    const status = await api.call('GET', `/api/v1/payments/${String(first.body.payment_id)}/status`, { key })
    expect(status).toMatchObject({ status: 200, body: { status: 'pending' } })
    expect((await api.call('GET', '/readyz')).body).toEqual({
      status: 'ready',
      postgres: 'up',
      temporal: 'down',
    })
  })
})

describe('while no worker runs', () => {
  it('a payment is accepted, and the caller told to ask again within ten seconds', async () => {
    const { address, namespace } = await createNamespace()
    const api = await apiWithTemporalAt(address, namespace)
    const { key } = await api.registerProject()
    const startedAt = Date.now()
    const answer = await api.call('POST', '/api/v1/payments', { key, body })
    expect(Date.now() - startedAt).toBeLessThan(10_000)
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'outcome_pending', payment_id: expect.stringMatching(/^pay_/) },
    })
  })
})

describe('while Postgres is away', () => {
  it('every request is told to come back, and none is answered wrongly', async () => {
    const database = await createDatabase()
    const wires = await Promise.all([database.applicationUrl, database.systemUrl].map(createCountingWire))
    const [application, system] = wires
    const api = await createTestApi({
      database: { ...database, applicationUrl: application?.url ?? '', systemUrl: system?.url ?? '' },
    })
    closing.push(
      () => database.drop(),
      () => api.close(),
    )
    const { key } = await api.registerProject()
    await Promise.all(wires.map((wire) => wire.close()))

    expect(await api.refusal('POST', '/api/v1/payments', { key, body })).toBe('503 database_unavailable')
    expect(await api.refusal('GET', '/api/v1/payments', { key })).toBe('503 database_unavailable')
    expect(await api.refusal('POST', '/api/v1/projects', { key: operatorKey, body: shop })).toBe(
      '503 database_unavailable',
    )
    const { status, body: readiness } = await api.call('GET', '/readyz')
    expect({ status, readiness }).toEqual({
      status: 503,
      readiness: { status: 'not_ready', postgres: 'down', temporal: 'up' },
    })
    expect((await api.call('GET', '/healthz')).status).toBe(200)
  })
})
