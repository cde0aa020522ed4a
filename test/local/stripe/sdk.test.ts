import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { cards, returnUrl } from './support/scenes.ts'
import { localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'
import { openWebhookSink } from './support/webhook-sink.ts'

describe('the official SDK cannot tell the local Stripe from Stripe', () => {
  let server: LocalStripe
  let stripe: Stripe
  let local: ReturnType<typeof localCalls>
  beforeAll(async () => {
    server = await startLocalStripe({ port: 0 })
    stripe = sdkFor(server.url)
    local = localCalls(server.url)
  })
  afterAll(() => server.close())

  const tea = {
    price_data: { currency: 'usd', unit_amount: 2500, product_data: { name: 'A pot of tea' } },
    quantity: 1,
  }
  const confirmed = { amount: 2900, currency: 'usd', confirm: true, return_url: returnUrl }

  it('sells something and signs the news of it', async () => {
    const sink = await openWebhookSink()
    const endpoint = await stripe.webhookEndpoints.create({
      url: sink.url,
      enabled_events: ['checkout.session.completed'],
    })
    const customer = await stripe.customers.create({ email: 'ada@example.com' })
    const session = await stripe.checkout.sessions.create({
      mode: 'payment',
      customer: customer.id,
      line_items: [tea],
      success_url: returnUrl,
    })
    await local.pay(session.id, cards.visa)

    const [delivery] = await sink.until(({ length }) => length > 0, 'the completed session')
    const { rawBody = '', signature = '' } = delivery ?? {}
    const event = stripe.webhooks.constructEvent(rawBody, signature, endpoint.secret ?? '')
    expect(event).toMatchObject({
      type: 'checkout.session.completed',
      api_version: Stripe.API_VERSION,
      livemode: false,
    })
    expect(event.data.object).toMatchObject({ id: session.id, customer: customer.id, payment_status: 'paid' })
    expect(() =>
      stripe.webhooks.constructEvent(rawBody.replace('paid', 'owed'), signature, endpoint.secret ?? ''),
    ).toThrow(Stripe.errors.StripeSignatureVerificationError)
    await stripe.webhookEndpoints.del(endpoint.id)
    await sink.close()
  })

  it('answers a repeated request with the first answer', async () => {
    const first = await stripe.customers.create(
      { email: 'ada@example.com' },
      { idempotencyKey: 'customer-of-ada' },
    )
    const again = await stripe.customers.create(
      { email: 'ada@example.com' },
      { idempotencyKey: 'customer-of-ada' },
    )
    expect(again.id).toBe(first.id)
    expect(first.lastResponse.headers).not.toHaveProperty('idempotent-replayed')
    expect(again.lastResponse.headers).toHaveProperty('idempotent-replayed', 'true')
    expect(again.lastResponse.idempotencyKey).toBe('customer-of-ada')
  })

  it('refuses another request under a key that is taken', async () => {
    await stripe.customers.create({ email: 'ada@example.com' }, { idempotencyKey: 'taken' })
    const other = stripe.customers.create({ email: 'bob@example.com' }, { idempotencyKey: 'taken' })
    await expect(other).rejects.toThrow(Stripe.errors.StripeIdempotencyError)
    await expect(other).rejects.toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' })
  })

  it('keeps a decline under its key, and a refusal of the parameters not', async () => {
    const decline = () =>
      stripe.paymentIntents.create(
        { ...confirmed, payment_method: 'pm_card_visa_chargeDeclined' },
        { idempotencyKey: 'declined-once' },
      )
    await expect(decline()).rejects.toMatchObject({ code: 'card_declined' })
    await expect(decline()).rejects.toMatchObject({ headers: { 'idempotent-replayed': 'true' } })

    await expect(
      stripe.prices.create({ currency: 'usd', product: '' }, { idempotencyKey: 'mended' }),
    ).rejects.toThrow(Stripe.errors.StripeInvalidRequestError)
    const product = await stripe.products.create({ name: 'Tea' })
    const mended = stripe.prices.create(
      { currency: 'usd', product: product.id, unit_amount: 1 },
      { idempotencyKey: 'mended' },
    )
    await expect(mended).resolves.toMatchObject({ unit_amount: 1 })
  })

  it('tells a decline with its code', async () => {
    const declined = stripe.paymentIntents.create({
      ...confirmed,
      payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds',
    })
    await expect(declined).rejects.toThrow(Stripe.errors.StripeCardError)
    await expect(declined).rejects.toMatchObject({
      statusCode: 402,
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      payment_intent: { status: 'requires_payment_method', last_payment_error: { code: 'card_declined' } },
    })
  })

  it('tells what is wrong with a request', async () => {
    const unknown = stripe.customers.retrieve('cus_unknown0000')
    await expect(unknown).rejects.toThrow(Stripe.errors.StripeInvalidRequestError)
    await expect(unknown).rejects.toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'id' })
    const session = stripe.checkout.sessions.create({
      mode: 'payment',
      line_items: [{ price: 'price_unknown0', quantity: 1 }],
      success_url: returnUrl,
    })
    await expect(session).rejects.toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'line_items[0][price]',
    })
    await expect(stripe.rawRequest('GET', '/v1/nothing_of_the_kind')).rejects.toMatchObject({
      statusCode: 404,
    })
    const stranger = new Stripe('not_a_key', { ...addressOf(server), maxNetworkRetries: 0 })
    await expect(stranger.customers.list()).rejects.toThrow(Stripe.errors.StripeAuthenticationError)
  })

  it('pages through a list, newest first, and expands what is asked for', async () => {
    const product = await stripe.products.create({ name: 'Tea' })
    const made: string[] = []
    for (let amount = 1; amount <= 25; amount++)
      made.unshift(
        (await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: amount })).id,
      )

    const query = { product: product.id, limit: 10 }
    const listed = await stripe.prices.list(query).autoPagingToArray({ limit: 100 })
    expect(listed.map(({ id }) => id)).toEqual(made)
    const page = await stripe.prices.list({
      ...query,
      ending_before: made[20] ?? '',
      expand: ['data.product'],
    })
    expect(page.data.map(({ id }) => id)).toEqual(made.slice(10, 20))
    expect(page).toMatchObject({ has_more: true, url: '/v1/prices' })
    expect(page.data[0]?.product).toMatchObject({ object: 'product', name: 'Tea' })
  })

  it('counts its calls', async () => {
    const retrievals = async () => (await local.counts()).calls['GET /v1/customers/{customer}'] ?? 0
    const customer = await stripe.customers.create()
    const before = await retrievals()
    await stripe.customers.retrieve(customer.id)
    expect(await retrievals()).toBe(before + 1)
  })

  it('remembers everything after a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'local-stripe-'))
    const stateFile = join(folder, 'state')
    const first = await startLocalStripe({ port: 0, stateFile })
    const created = await sdkFor(first.url).customers.create(
      { email: 'ada@example.com' },
      { idempotencyKey: 'kept' },
    )
    await first.close()

    const second = await startLocalStripe({ port: 0, stateFile })
    const found = await sdkFor(second.url).customers.retrieve(created.id)
    expect(found).toMatchObject({ id: created.id, email: 'ada@example.com' })
    const again = await sdkFor(second.url).customers.create(
      { email: 'ada@example.com' },
      { idempotencyKey: 'kept' },
    )
    expect(again.id).toBe(created.id)
    await second.close()
    await rm(folder, { recursive: true })
  })
})

function addressOf({ url }: LocalStripe) {
  const { hostname, port } = new URL(url)
  return { host: hostname, port, protocol: 'http' as const }
}
