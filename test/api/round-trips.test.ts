import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/stack.ts'
import { createTestApi, type TestApi, uniqueKey } from './support/api.ts'
import { type CountingWire, createCountingWire } from './support/round-trips.ts'

/** What a request costs in waiting for Postgres. The numbers are what they are today: lower them, and think before you
 *  raise one. A database in the next building adds half a millisecond to each. */
const atMost = { payment: 12, idempotentPayment: 14, replay: 3, reading: 5, consumption: 2 }

let api: TestApi
let key: string
let database: TestDatabase
let wires: CountingWire[]

beforeAll(async () => {
  database = await createDatabase()
  wires = await Promise.all([database.applicationUrl, database.systemUrl].map(createCountingWire))
  const [application, system] = wires
  api = await createTestApi({
    database: {
      ...database,
      applicationUrl: application?.url ?? '',
      systemUrl: system?.url ?? '',
    },
    poolSize: 1,
  })
  ;({ key } = await api.registerProject())
})
afterAll(async () => {
  await api.close()
  await Promise.all(wires.map((wire) => wire.close()))
  await database.drop()
})

const total = () => wires.reduce((sum, wire) => sum + wire.count(), 0)

async function roundTrips(work: () => Promise<unknown>): Promise<number> {
  await work() // Once before, so that connections are open and the server has seen the statements.
  const before = total()
  await work()
  return total() - before
}

const pay = (headers: Record<string, string> = {}) =>
  api.call('POST', '/api/v1/payments', { key, body: { user_id: 'user-1', plan_id: 'pro' }, headers })

describe('waiting for Postgres', () => {
  it('is counted for a payment, with and without an idempotency key, and for its replay', async () => {
    const replayed = uniqueKey()
    await pay({ 'Idempotency-Key': replayed })
    expect(await roundTrips(() => pay())).toBeLessThanOrEqual(atMost.payment)
    expect(await roundTrips(() => pay({ 'Idempotency-Key': uniqueKey() }))).toBeLessThanOrEqual(
      atMost.idempotentPayment,
    )
    expect(await roundTrips(() => pay({ 'Idempotency-Key': replayed }))).toBeLessThanOrEqual(atMost.replay)
  })

  it('is counted for consuming credits: the key, and all else in one', async () => {
    const post = (action: string, body: object) =>
      api.call('POST', `/api/v1/wallets/user-1/${action}`, { key, body })
    await post('grant', { amount: 100, kind: 'bonus', grant_id: 'start', reason: 'To be consumed' })
    const consume = () => post('consume', { amount: 1, usage_id: uniqueKey() })
    expect(await roundTrips(consume)).toBeLessThanOrEqual(atMost.consumption)
  })

  it('is counted for a reading', async () => {
    const { body } = await pay()
    const read = (path: string) => api.call('GET', `/api/v1/${path}`, { key })
    expect(await roundTrips(() => read(`payments/${String(body.payment_id)}/status`))).toBeLessThanOrEqual(
      atMost.reading,
    )
    expect(await roundTrips(() => read('subscriptions/user-1'))).toBeLessThanOrEqual(atMost.reading)
  })
})
