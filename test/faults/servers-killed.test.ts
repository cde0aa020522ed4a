import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { type OwnServers, startOwnServers } from '../support/own-servers.ts'
import { type Product, startProduct } from '../support/product.ts'

let own: OwnServers
let product: Product

beforeAll(async () => {
  own = await startOwnServers()
  product = await startProduct({ servers: own.servers })
})
afterAll(async () => {
  await product.end()
  await own.end()
})

describe('a server that is killed while customers come and pay', () => {
  it.for(['kafka', 'temporal', 'postgres'] as const)(
    'and comes back has cost nobody anything: %s',
    { timeout: 240_000 },
    async (name) => {
      const server = own[name]
      const arriving = sendCustomers(product, { count: 30, prefix: name, every_ms: 100 })
      await sleep(1_500)
      await server.kill()
      await sleep(1_000)
      // Postgres refuses to start for as long as one of its processes has not noticed that the first is gone.
      await eventually(`${name} is back`, () => server.start().then(() => true), { within_ms: 60_000 })
      expect(await untilServed(product, await arriving)).toEqual([])
      expect(await findFlaws(product)).toEqual([])
    },
  )
})

describe('while a server is away', () => {
  it('Temporal: a payment is accepted with 503 and taken up again, and webhooks are stored', async () => {
    const { client, stripe, sql } = product
    const open = await client.openPayment({ user_id: 'pays-without-temporal', plan_id: 'pro' })
    await own.temporal.kill()
    const key = randomUUID()
    const refused = await client.requestPayment({ user_id: 'buys-without-temporal', product_id: 'book' }, key)
    await stripe.pay(open.checkout_session_id)
    await eventually('all webhooks are stored', async () => (await undeliveredEvents()) === 0)
    const [unhandled] = await sql`select count(*)::int as count from inbox where handled_at is null`
    await own.temporal.start()

    expect(refused).toMatchObject({ status: 503, body: { code: 'orchestrator_unavailable' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(unhandled?.count).toBeGreaterThan(0)
    const taken = await client.openPayment({ user_id: 'buys-without-temporal', product_id: 'book' }, key)
    expect(taken.payment_id).toBe(refused.body.payment_id)
    await stripe.pay(taken.checkout_session_id)
    const customers = [
      { userId: 'pays-without-temporal', paymentId: open.payment_id, buysPlan: true },
      { userId: 'buys-without-temporal', paymentId: taken.payment_id, buysPlan: false },
    ]
    expect(await untilServed(product, customers)).toEqual([])
  })

  it('Kafka: everything else goes on, and the events arrive later', async () => {
    const { sql } = product
    await own.kafka.kill()
    const customers = await sendCustomers(product, { count: 4, prefix: 'without-kafka' })
    await Promise.all(customers.map(({ paymentId }) => product.client.paymentBecomes(paymentId, 'succeeded')))
    const [unpublished] = await sql`select count(*)::int as count from outbox where published_at is null`
    await own.kafka.start()
    expect(unpublished?.count).toBeGreaterThan(0)
    expect(await untilServed(product, customers)).toEqual([])
  })

  it('Postgres: requests and webhooks are refused, and both come again', async () => {
    const { client, stripe, apiUrl } = product
    const open = await client.openPayment({ user_id: 'pays-without-postgres', plan_id: 'pro' })
    await own.postgres.stop()
    const key = randomUUID()
    const purchase = { user_id: 'buys-without-postgres', product_id: 'book' }
    const refused = await client.requestPayment(purchase, key)
    await stripe.pay(open.checkout_session_id)
    const webhook = await product.sendWebhook(webhookOfUnknownType)
    const readiness = (await fetch(`${apiUrl}/readyz`)).status
    const stillUndelivered = await undeliveredEvents()
    await own.postgres.start()

    expect(refused).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect({ webhook, readiness }).toEqual({ webhook: 503, readiness: 503 })
    expect(stillUndelivered).toBeGreaterThan(0)
    const taken = await client.openPayment(purchase, key)
    await stripe.pay(taken.checkout_session_id)
    const customers = [
      { userId: 'pays-without-postgres', paymentId: open.payment_id, buysPlan: true },
      { userId: 'buys-without-postgres', paymentId: taken.payment_id, buysPlan: false },
    ]
    expect(await untilServed(product, customers)).toEqual([])
  })

  it('Stripe: a payment is accepted with 503 and its page is opened when Stripe is back', async () => {
    const { client, stripe, stripeServer } = product
    await stripeServer.stop()
    const key = randomUUID()
    const purchase = { user_id: 'buys-without-stripe', plan_id: 'pro' }
    const refused = await client.requestPayment(purchase, key)
    await stripeServer.start()

    expect(refused).toMatchObject({
      status: 503,
      body: { payment_id: expect.stringMatching(/^pay_/) as string },
    })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    const taken = await client.openPayment(purchase, key)
    expect(taken.payment_id).toBe(refused.body.payment_id)
    await stripe.pay(taken.checkout_session_id)
    const customers = [{ userId: 'buys-without-stripe', paymentId: taken.payment_id, buysPlan: true }]
    expect(await untilServed(product, customers)).toEqual([])
  })

  it('has cost nobody anything in the end', async () => {
    expect(await findFlaws(product)).toEqual([])
  })
})

/** Events that Stripe has not been able to deliver yet. */
async function undeliveredEvents(): Promise<number> {
  const { data } = await product.stripe.sdk.events.list({ delivery_success: false, limit: 100 })
  return data.length
}

const webhookOfUnknownType = {
  id: `evt_${randomUUID()}`,
  object: 'event',
  type: 'something.new',
  created: Math.floor(Date.now() / 1000),
  api_version: null,
  livemode: false,
  data: { object: { id: 'new_1' } },
}
