import { Stripe } from 'stripe'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { returnUrl } from './support/scenes.ts'
import { localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('the local Stripe fails on demand as Stripe does by chance', () => {
  let server: LocalStripe
  let stripe: Stripe
  let local: ReturnType<typeof localCalls>
  beforeAll(async () => {
    server = await startLocalStripe({ port: 0 })
    stripe = sdkFor(server.url)
    local = localCalls(server.url)
  })
  afterEach(() => local.noFaults())
  afterAll(() => server.close())

  const payment = {
    amount: 2900,
    currency: 'usd',
    confirm: true,
    payment_method: 'pm_card_visa',
    return_url: returnUrl,
  }

  it('makes one charge when the answer is lost and the request repeated', async () => {
    const customer = await stripe.customers.create()
    const order = { ...payment, customer: customer.id }
    await local.faults({ api: { lost_answer: 1, paths: ['/v1/payment_intents'] } })
    const lost = stripe.paymentIntents.create(order, { idempotencyKey: 'order-1' })
    await expect(lost).rejects.toThrow(Stripe.errors.StripeConnectionError)
    await local.noFaults()

    const repeated = await stripe.paymentIntents.create(order, { idempotencyKey: 'order-1' })
    expect(repeated.status).toBe('succeeded')
    const charges = await stripe.charges.list({ customer: customer.id })
    expect(charges.data.map(({ payment_intent }) => payment_intent)).toEqual([repeated.id])
    expect(await local.counts()).toMatchObject({ charges_per_payment_intent: { [repeated.id]: 1 } })
  })

  it('limits the rate before anything is done', async () => {
    const customer = await stripe.customers.create()
    await local.faults({ api: { error_429: 1, paths: ['/v1/payment_intents'] } })
    const limited = stripe.paymentIntents.create(
      { ...payment, customer: customer.id },
      { idempotencyKey: 'order-2' },
    )
    await expect(limited).rejects.toThrow(Stripe.errors.StripeRateLimitError)
    await expect(limited).rejects.toMatchObject({ statusCode: 429, code: 'rate_limit' })
    await local.noFaults()

    expect((await stripe.paymentIntents.list({ customer: customer.id })).data).toEqual([])
    const later = stripe.paymentIntents.create(
      { ...payment, customer: customer.id },
      { idempotencyKey: 'order-2' },
    )
    await expect(later).resolves.toMatchObject({ status: 'succeeded' })
  })

  it('keeps a 500 under its idempotency key', async () => {
    await local.faults({ api: { error_500: 1, paths: ['/v1/customers'] } })
    const broken = stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'broken' })
    await expect(broken).rejects.toThrow(Stripe.errors.StripeAPIError)
    await local.noFaults()
    const repeated = stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'broken' })
    await expect(repeated).rejects.toMatchObject({
      statusCode: 500,
      headers: { 'idempotent-replayed': 'true' },
    })
    await expect(
      stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'mended' }),
    ).resolves.toBeDefined()
  })

  it('refuses a key whose first request still runs', async () => {
    await local.faults({ api: { delay_ms: 300, paths: ['/v1/customers'] } })
    const create = () => stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'slow' })
    const answers = await Promise.allSettled([create(), create()])
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(answers).toContainEqual(
      expect.objectContaining({
        reason: expect.objectContaining({ statusCode: 409, code: 'idempotency_key_in_use' }),
      }),
    )
  })

  it('lets the retries of the SDK through to the one object', async () => {
    const patient = sdkFor(server.url, { maxNetworkRetries: 2 })
    await local.faults({ api: { lost_answer: 1, paths: ['/v1/products'] } })
    const creating = patient.products.create({ name: 'Lost and found' })
    await expect.poll(local.counts).toMatchObject({ calls: { 'POST /v1/products': 1 } })
    await local.noFaults()

    const product = await creating
    const made = await stripe.products.list()
    expect(made.data.map(({ id }) => id)).toEqual([product.id])
  })
})
