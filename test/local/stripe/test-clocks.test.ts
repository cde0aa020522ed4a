import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { moment, openClockSession, seconds, type ClockSession } from './support/clock-session.ts'

describe('a test clock', () => {
  let session: ClockSession
  beforeEach(async () => {
    session = await openClockSession('2027-01-31T10:00:00Z')
  })
  afterEach(() => session.close())

  it('is created, read, listed and deleted, and tells of it', async () => {
    const { testClocks } = session.stripe.testHelpers
    const made = await testClocks.create({ frozen_time: seconds('2030-01-01T00:00:00Z'), name: 'Decade' })
    expect(made).toMatchObject({ object: 'test_helpers.test_clock', name: 'Decade', status: 'ready' })
    expect(made.deletes_after - made.created).toBe(30 * 24 * 60 * 60)
    expect((await testClocks.list()).data.map(({ id }) => id)).toEqual([made.id, session.clock])
    expect(await testClocks.del(made.id)).toMatchObject({ id: made.id, deleted: true })
    await expect(testClocks.retrieve(made.id)).rejects.toMatchObject({ statusCode: 404 })
    expect((await session.lastEvent('test_helpers.test_clock.deleted')).object).toMatchObject({ id: made.id })
  })

  it('answers at once that it advances, and then is ready', async () => {
    const { testClocks } = session.stripe.testHelpers
    const target = seconds('2027-02-01T10:00:00Z')
    expect(await testClocks.advance(session.clock, { frozen_time: target })).toMatchObject({
      status: 'advancing',
      status_details: { advancing: { target_frozen_time: target } },
    })
    await expect
      .poll(() => testClocks.retrieve(session.clock), { timeout: 10_000 })
      .toMatchObject({
        status: 'ready',
        frozen_time: target,
        status_details: {},
      })
    expect((await session.lastEvent('test_helpers.test_clock.ready')).previous_attributes).toMatchObject({
      status: 'advancing',
    })
  })

  it('never goes back', async () => {
    const { testClocks } = session.stripe.testHelpers
    for (const frozen_time of [seconds('2027-01-31T10:00:00Z'), seconds('2027-01-01T00:00:00Z')])
      await expect(testClocks.advance(session.clock, { frozen_time })).rejects.toMatchObject({
        statusCode: 400,
        param: 'frozen_time',
      })
  })

  it('goes two intervals of its shortest subscription at most, or two years', async () => {
    const { testClocks } = session.stripe.testHelpers
    const tooFar = { statusCode: 400, message: expect.stringContaining('two intervals') }
    const advance = (when: string) => testClocks.advance(session.clock, { frozen_time: seconds(when) })
    await expect(advance('2029-01-31T10:00:01Z')).rejects.toMatchObject(tooFar)
    await session.subscriber({ interval: 'year' })
    const { subscription } = await session.subscriber({ interval: 'month' })
    await expect(advance('2027-03-31T10:00:01Z')).rejects.toMatchObject(tooFar)
    await session.advanceTo('2027-03-31T10:00:00Z')
    await session.stripe.subscriptions.cancel(subscription)
    await session.advanceTo('2029-01-31T10:00:00Z')
  })

  it('gives its time to all that hangs on it', async () => {
    const { customer, subscription } = await session.subscriber()
    const { stripe, clock } = session
    const start = seconds('2027-01-31T10:00:00Z')
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ test_clock: clock, created: start })
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({
      test_clock: clock,
      created: start,
    })
    const invoice = await session.latestInvoice(subscription)
    expect(invoice).toMatchObject({
      test_clock: clock,
      created: start,
      status_transitions: { paid_at: start },
    })
    const [charge] = (await stripe.charges.list({ customer })).data
    expect(charge).toMatchObject({ created: start })
    const item = await stripe.invoiceItems.create({ customer, amount: 100, currency: 'brl' })
    expect(item).toMatchObject({ test_clock: clock, date: start })
    expect(await session.events()).toContain('01-31 10:00 charge.succeeded')
  })

  it('keeps what hangs on it out of lists that do not ask for it', async () => {
    const { stripe, clock } = session
    const { customer, subscription } = await session.subscriber()
    const { id: other } = await stripe.customers.create({})
    const ids = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id)
    expect(ids(await stripe.customers.list())).toEqual([other])
    expect(ids(await stripe.customers.list({ test_clock: clock }))).toEqual([customer])
    expect(ids(await stripe.subscriptions.list())).toEqual([])
    expect(ids(await stripe.subscriptions.list({ customer }))).toEqual([subscription])
    expect(ids(await stripe.subscriptions.list({ test_clock: clock }))).toEqual([subscription])
  })

  it('lets a checkout begin in its time', async () => {
    const { stripe, clock } = session
    const { id: customer } = await stripe.customers.create({ test_clock: clock })
    const product = await stripe.products.create({ name: 'Tea' })
    const recurring = { interval: 'month' as const }
    const price = { currency: 'usd', unit_amount: 500, product: product.id, recurring }
    const checkout = await stripe.checkout.sessions.create({
      mode: 'subscription',
      customer,
      line_items: [{ price_data: price, quantity: 1 }],
      success_url: 'https://shop.example.com/',
    })
    const pay = { method: 'POST', body: JSON.stringify({ card: '4242424242424242' }) }
    await fetch(`${session.url}/_local/checkout/${checkout.id}/pay`, pay)
    const [subscription] = (await stripe.subscriptions.list({ customer })).data
    expect(moment(subscription?.created ?? 0)).toBe('2027-01-31T10:00')
    await session.advanceTo('2027-03-01T00:00:00Z')
    const invoices = (await stripe.invoices.list({ customer })).data
    expect(
      invoices.map(({ billing_reason, status, created }) => [billing_reason, status, moment(created)]),
    ).toEqual([
      ['subscription_cycle', 'paid', '2027-02-28T10:00'],
      ['subscription_create', 'paid', '2027-01-31T10:00'],
    ])
  })

  it('holds as many customers as the account allows, which by default are more than at Stripe', async () => {
    const settings = { method: 'POST', body: JSON.stringify({ customers_per_test_clock: 1 }) }
    await session.subscriber()
    await session.subscriber()
    expect((await fetch(`${session.url}/_local/settings`, settings)).status).toBe(200)
    await expect(session.subscriber()).rejects.toMatchObject({ statusCode: 400, param: 'test_clock' })
  })

  it('deletes its customers with it, and ends what they subscribe to', async () => {
    const { stripe, clock } = session
    const { customer, subscription } = await session.subscriber()
    await stripe.testHelpers.testClocks.del(clock)
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ deleted: true })
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'canceled' })
  })

  it('renews a hundred subscriptions within a second of work', async () => {
    const { stripe, clock } = session
    for (let made = 0; made < 100; made += 1) await session.subscriber()
    const before = process.cpuUsage()
    await session.advanceTo('2027-03-02T10:00:00Z')
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1_000_000).toBeLessThan(1)
    const { charges_per_invoice } = await session.counts()
    expect(Object.values(charges_per_invoice)).toEqual(Array.from({ length: 200 }, () => 1))
    expect((await stripe.testHelpers.testClocks.retrieve(clock)).status).toBe('ready')
  })

  it('can be read while it advances, but nothing that hangs on it changed, except customers', async () => {
    const { stripe, clock } = session
    const settings = { method: 'POST', body: JSON.stringify({ test_clock_advance_ms: 1000 }) }
    await fetch(`${session.url}/_local/settings`, settings)
    const { customer, subscription } = await session.subscriber()
    const frozen_time = seconds('2027-03-02T10:00:00Z')
    await stripe.testHelpers.testClocks.advance(clock, { frozen_time })
    const answers = await Promise.allSettled([
      stripe.subscriptions.update(subscription, { metadata: { a: 'b' } }),
      stripe.invoiceItems.create({ customer, amount: 1, currency: 'brl' }),
      stripe.testHelpers.testClocks.advance(clock, { frozen_time }),
      stripe.customers.update(customer, { name: 'Ana' }),
      stripe.subscriptions.retrieve(subscription),
    ])
    const message = `Test clock advancement underway - cannot perform modifications: ${clock}`
    const refused = { status: 'rejected', reason: expect.objectContaining({ statusCode: 429, message }) }
    const done = { status: 'fulfilled' }
    expect(answers).toMatchObject([refused, refused, refused, done, done])
    await expect
      .poll(() => stripe.testHelpers.testClocks.retrieve(clock), { timeout: 10_000 })
      .toMatchObject({ status: 'ready', frozen_time })
    expect(await session.events()).toContain('02-28 11:00 invoice.paid')
  })
})
