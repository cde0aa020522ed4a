import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOpenCheckout } from '../../activities/open-checkout.ts'
import { inProject } from '../../db/client.ts'
import { readCustomer } from '../../db/customers.ts'
import { effects, payments, stripeObjects } from '../../db/schema/index.ts'
import { BillingError } from '../../domain/errors.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'

let seeded: Seeded
let projectId: ProjectId
let now: Date
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
  now = new Date()
})

function setUp() {
  const scripted = createScriptedProvider()
  const openCheckout = createOpenCheckout({
    database: seeded.connections.application,
    provider: scripted.provider,
    now: () => now,
    ticker: noTicker,
  })
  return { ...scripted, openCheckout }
}

describe('openCheckout', () => {
  it('makes customer, price and session once, and answers the same when repeated', async () => {
    const { openCheckout, made } = setUp()
    const { paymentId } = await seedPayment(seeded, projectId)
    const first = await openCheckout({ projectId, paymentId })
    expect(await openCheckout({ projectId, paymentId })).toEqual(first)
    expect(first).toMatchObject({ status: 'pending', checkoutSessionId: made.sessions[0] })
    expect(made).toMatchObject({
      customers: [expect.any(String)],
      prices: [expect.any(String)],
      sessions: [expect.any(String)],
    })
  })

  it('uses the customer and the price of an earlier payment', async () => {
    const { openCheckout, made } = setUp()
    for (let turn = 0; turn < 3; turn += 1) {
      const { paymentId } = await seedPayment(seeded, projectId)
      await openCheckout({ projectId, paymentId })
    }
    expect([made.customers.length, made.prices.length, made.sessions.length]).toEqual([1, 1, 3])
  })

  it('makes one other customer for a user whose customer was deleted at Stripe, however many checkouts are opened at once', async () => {
    const { openCheckout, made, deleted } = setUp()
    const first = await seedPayment(seeded, projectId)
    await openCheckout({ projectId, paymentId: first.paymentId })
    const [gone = ''] = made.customers
    deleted.add(gone)
    const later = await Promise.all(Array.from({ length: 8 }, () => seedPayment(seeded, projectId)))
    const opened = await Promise.all(later.map(({ paymentId }) => openCheckout({ projectId, paymentId })))
    expect(new Set(opened.map(({ checkoutSessionId }) => checkoutSessionId)).size).toBe(8)
    expect(made.customers).toHaveLength(2)
    const { row, owners } = await inProject(
      seeded.connections.application,
      projectId,
      async (transaction) => ({
        row: await readCustomer(transaction, projectId, first.customerId),
        owners: await transaction.select().from(stripeObjects),
      }),
    )
    expect(row.stripeCustomerId).toBe(made.customers[1])
    const ofUser = owners.filter(({ ownerId }) => ownerId === first.customerId)
    expect(ofUser.map(({ stripeId }) => stripeId).toSorted()).toEqual(made.customers.toSorted())
  })

  it('does not take another missing object for the customer', async () => {
    const { openCheckout, made, provider } = setUp()
    const { paymentId } = await seedPayment(seeded, projectId)
    provider.openCheckout = async () => {
      throw new BillingError('provider_object_missing')
    }
    await expect(openCheckout({ projectId, paymentId })).rejects.toMatchObject({
      code: 'provider_object_missing',
    })
    expect(made.customers).toHaveLength(1)
  })

  it.each(['createCustomer', 'createPrice', 'openCheckout'])(
    'has one effect when the answer of %s is lost',
    async (call) => {
      const { openCheckout, made, fail } = setUp()
      const { paymentId } = await seedPayment(seeded, projectId)
      fail(call, 'lost_answer')
      await expect(openCheckout({ projectId, paymentId })).rejects.toMatchObject({
        code: 'provider_unavailable',
      })
      await openCheckout({ projectId, paymentId })
      expect([made.customers.length, made.prices.length, made.sessions.length]).toEqual([1, 1, 1])
    },
  )

  it.each(['createCustomer', 'createPrice', 'openCheckout'])(
    'has one effect when the answer of %s is lost and the key is forgotten a day later',
    async (call) => {
      const { openCheckout, made, fail, forgetKeys } = setUp()
      const { paymentId } = await seedPayment(seeded, projectId)
      fail(call, 'lost_answer')
      await expect(openCheckout({ projectId, paymentId })).rejects.toMatchObject({
        code: 'provider_unavailable',
      })
      forgetKeys()
      now = new Date(now.getTime() + 25 * 60 * 60 * 1000)
      await openCheckout({ projectId, paymentId })
      expect([made.customers.length, made.prices.length, made.sessions.length]).toEqual([1, 1, 1])
    },
  )

  it.each(['createCustomer', 'createPrice', 'openCheckout'])(
    'gets past a failure of %s that the provider replays for its key',
    async (call) => {
      const { openCheckout, made, fail } = setUp()
      const { paymentId } = await seedPayment(seeded, projectId)
      fail(call, 'stored_failure')
      await expect(openCheckout({ projectId, paymentId })).rejects.toMatchObject({ code: 'provider_failed' })
      await openCheckout({ projectId, paymentId })
      expect([made.customers.length, made.prices.length, made.sessions.length]).toEqual([1, 1, 1])
      const raised = await inProject(seeded.connections.application, projectId, (transaction) =>
        transaction.select().from(effects),
      )
      expect(raised.map(({ ordinal }) => ordinal).toSorted((one, other) => one - other)).toEqual([1, 1, 2])
    },
  )

  it('opens one page when sixteen run at once', async () => {
    const { openCheckout, made } = setUp()
    const { paymentId } = await seedPayment(seeded, projectId)
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => openCheckout({ projectId, paymentId })),
    )
    expect(new Set(answers.map(({ checkoutSessionId }) => checkoutSessionId)).size).toBe(1)
    expect(made.sessions).toHaveLength(1)
    const [row] = await inProject(seeded.connections.application, projectId, (transaction) =>
      transaction.select().from(payments),
    )
    expect(row).toMatchObject({ status: 'pending', stripeCheckoutSessionId: made.sessions[0] })
  })

  it('needs no price at the provider for a bare amount', async () => {
    const { openCheckout, made } = setUp()
    const { paymentId } = await seedPayment(seeded, projectId, { buys: { amount: 1200 } })
    await openCheckout({ projectId, paymentId })
    expect([made.prices.length, made.sessions.length]).toEqual([0, 1])
  })
})
