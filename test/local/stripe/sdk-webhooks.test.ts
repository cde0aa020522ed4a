import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { textAt } from './support/json.ts'
import { localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'
import { openWebhookSink, type Delivery, type WebhookSink } from './support/webhook-sink.ts'

describe('webhooks come at least once, in any order', { timeout: 20_000 }, () => {
  let server: LocalStripe
  let stripe: Stripe
  let local: ReturnType<typeof localCalls>
  let sink: WebhookSink
  beforeEach(async () => {
    server = await startLocalStripe({ port: 0 })
    stripe = sdkFor(server.url)
    local = localCalls(server.url)
    sink = await openWebhookSink()
    await stripe.webhookEndpoints.create({
      url: sink.url,
      enabled_events: ['customer.created', 'customer.updated'],
    })
  })
  afterEach(async () => {
    await server.close()
    await sink.close()
  })

  const idsOf = (deliveries: Delivery[]) => deliveries.map(({ event }) => textAt(event, 'id'))

  it('delivers again until the endpoint answers 2xx', async () => {
    sink.answers.push(500)
    await stripe.customers.create()
    const [first, second] = idsOf(await sink.until(({ length }) => length === 2, 'the retry'))
    expect(second).toBe(first)
    await expect.poll(async () => (await stripe.events.retrieve(first ?? '')).pending_webhooks).toBe(0)
  })

  it('signs each attempt anew', async () => {
    sink.answers.push(503)
    await stripe.customers.create()
    const [first, second] = await sink.until(({ length }) => length === 2, 'the retry')
    expect(second?.signature).not.toBe(first?.signature)
  })

  it('delivers twice on demand', async () => {
    await local.faults({ webhooks: { duplicate: 1 } })
    await stripe.customers.create()
    const [first, second] = idsOf(await sink.until(({ length }) => length === 2, 'the duplicate'))
    expect(second).toBe(first)
  })

  it('loses on demand what can still be read as an event', async () => {
    await local.faults({ webhooks: { drop: 1 } })
    const lost = await stripe.customers.create()
    await local.noFaults()
    const kept = await stripe.customers.create()
    await sink.until(({ length }) => length > 0, 'what was not lost')
    expect(sink.deliveries.map(({ event }) => textAt(event, 'data.object.id'))).toEqual([kept.id])
    const events = await stripe.events.list({ type: 'customer.created' })
    expect(events.data.map(({ data }) => textAt(data.object as never, 'id'))).toContain(lost.id)
  })

  it('delivers out of order on demand', async () => {
    await local.faults({ webhooks: { reorder: 1 } })
    const sent = Array.from({ length: 10 }, (_, position) => `Ada ${position}`)
    for (const name of sent) await stripe.customers.create({ name })
    const deliveries = await sink.until(({ length }) => length === sent.length, 'all events')
    const received = deliveries.map(({ event }) => textAt(event, 'data.object.name'))
    expect(received.toSorted()).toEqual(sent)
    expect(received).not.toEqual(sent)
  })

  it('sends an endpoint only what it asked for', async () => {
    await stripe.products.create({ name: 'Tea' })
    await stripe.customers.create()
    const deliveries = await sink.until(({ length }) => length > 0, 'the customer')
    expect(deliveries.map(({ event }) => event['type'])).toEqual(['customer.created'])
  })
})
