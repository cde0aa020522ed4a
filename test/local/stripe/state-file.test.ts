import { appendFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { textAt } from './support/json.ts'
import { localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'
import { saveCard } from './support/clock-session.ts'
import { openWebhookSink, type WebhookSink } from './support/webhook-sink.ts'

describe('a local Stripe with a state file goes on where it was', () => {
  let folder: string
  let stateFile: string
  let local: LocalStripe
  let sink: WebhookSink
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'local-stripe-'))
    stateFile = join(folder, 'state.jsonl')
    local = await startLocalStripe({ stateFile })
    sink = await openWebhookSink()
  })
  afterEach(async () => {
    vi.useRealTimers()
    await local.close()
    await sink.close()
    rmSync(folder, { recursive: true })
  })
  const restart = async () => {
    await local.close()
    local = await startLocalStripe({ stateFile })
    return sdkFor(local.url)
  }

  it('delivers after the restart what was not delivered before', async () => {
    const stripe = sdkFor(local.url)
    await stripe.webhookEndpoints.create({ url: sink.url, enabled_events: ['customer.created'] })
    sink.answers.push(500)
    const { id } = await stripe.customers.create({})
    await sink.until(({ length }) => length === 1, 'the first try')
    await restart()
    const [first, again] = await sink.until(({ length }) => length === 2, 'the second try')
    expect(textAt(again?.event ?? {}, 'id')).toBe(textAt(first?.event ?? {}, 'id'))
    expect(again?.rawBody).toContain(id)
  })

  it('replays what an idempotency key was answered', async () => {
    const create = (stripe: ReturnType<typeof sdkFor>) =>
      stripe.customers.create({ name: 'Ana' }, { idempotencyKey: 'customer/ana' })
    const { id } = await create(sdkFor(local.url))
    const again = await create(await restart())
    expect(again.id).toBe(id)
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true')
  })

  it('ends the way that a test clock had begun', async () => {
    const stripe = sdkFor(local.url)
    const start = Date.parse('2027-01-31T10:00:00Z') / 1000
    const clock = (await stripe.testHelpers.testClocks.create({ frozen_time: start })).id
    const product = (await stripe.products.create({ name: 'Pro' })).id
    const recurring = { interval: 'month' as const }
    const price = (await stripe.prices.create({ product, currency: 'brl', unit_amount: 9900, recurring })).id
    for (let made = 0; made < 60; made += 1) {
      const customer = (await stripe.customers.create({ test_clock: clock })).id
      await saveCard(stripe, customer, 'pm_card_visa')
      await stripe.subscriptions.create({ customer, items: [{ price }] })
    }
    const frozen_time = Date.parse('2027-03-31T10:00:00Z') / 1000
    await stripe.testHelpers.testClocks.advance(clock, { frozen_time })
    const restarted = await restart()
    await expect
      .poll(() => restarted.testHelpers.testClocks.retrieve(clock), { timeout: 10_000 })
      .toMatchObject({ status: 'ready', frozen_time })
    const { charges_per_invoice } = await localCalls(local.url).counts()
    const charges = Object.values(charges_per_invoice)
    // The first invoice and one renewal are paid; the second renewal is a draft, and has nothing to pay yet.
    expect(charges).toEqual(Array.from({ length: 120 }, () => 1))
    const { data } = await restarted.invoices.list({ status: 'draft', limit: 100 })
    expect(data).toHaveLength(60)
  })

  it('renews after the restart what fell due meanwhile', async () => {
    const stripe = sdkFor(local.url)
    const product = (await stripe.products.create({ name: 'Pro' })).id
    const recurring = { interval: 'day' as const }
    const price = (await stripe.prices.create({ product, currency: 'brl', unit_amount: 9900, recurring })).id
    const customer = (await stripe.customers.create({})).id
    await saveCard(stripe, customer, 'pm_card_visa')
    const { items } = await stripe.subscriptions.create({ customer, items: [{ price }] })
    const end = items.data[0]?.current_period_end ?? 0
    await local.close()
    vi.useFakeTimers({ toFake: ['Date'], now: (end + 60) * 1000 })
    local = await startLocalStripe({ stateFile })
    const restarted = sdkFor(local.url)
    const invoices = () => restarted.invoices.list({ customer })
    await expect.poll(invoices, { timeout: 10_000 }).toMatchObject({
      data: [{ status: 'draft', billing_reason: 'subscription_cycle' }, { status: 'paid' }],
    })
    vi.setSystemTime((end + 3700) * 1000)
    await expect
      .poll(invoices, { timeout: 10_000 })
      .toMatchObject({ data: [{ status: 'paid', amount_paid: 9900 }, {}] })
  })

  it('is not confused by a line that a crash cut short', async () => {
    const { id } = await sdkFor(local.url).customers.create({ name: 'Ana' })
    await local.close()
    appendFileSync(stateFile, '["customer","cus_half",{"id":"cus_ha')
    const stripe = await restart()
    expect(await stripe.customers.retrieve(id)).toMatchObject({ name: 'Ana' })
    await expect(stripe.customers.retrieve('cus_half')).rejects.toThrow('No such customer')
  })

  it('forgets what was removed', async () => {
    const stripe = sdkFor(local.url)
    const { id } = await stripe.webhookEndpoints.create({ url: sink.url, enabled_events: ['*'] })
    await stripe.webhookEndpoints.del(id)
    expect((await (await restart()).webhookEndpoints.list()).data).toEqual([])
  })

  it('refuses a file of another version, and says what to do', async () => {
    const file = join(folder, 'old.jsonl')
    writeFileSync(file, '["customers","cus_1",{"id":"cus_1"}]\n')
    await expect(startLocalStripe({ stateFile: file })).rejects.toThrow(/another version.*--fresh/)
  })
})
