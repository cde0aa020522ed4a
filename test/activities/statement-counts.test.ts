import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOpenCheckout } from '../../activities/open-checkout.ts'
import { createRecordCheckout } from '../../activities/record-checkout.ts'
import { createFollowSubscription } from '../../activities/follow-subscription.ts'
import { preparing } from '../../db/prepared.ts'
import type { PaymentRow } from '../../db/payments.ts'
import * as schema from '../../db/schema/index.ts'
import type { CheckoutSnapshot } from '../../domain/checkout.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { invoiceSeen, subscriptionSeen } from '../support/snapshots.ts'
import { noTicker } from '../support/ticker.ts'

// How many statements each activity sends, `begin` and `commit` among them. They bound what a database of a given size can
// serve whatever the machine: they go down, and up only with a reason written here.

let seeded: Seeded
let projectId: ProjectId
let client: postgres.Sql
let statements: string[] = []
const scripted = createScriptedProvider()
let activities: {
  openCheckout: ReturnType<typeof createOpenCheckout>
  recordCheckout: ReturnType<typeof createRecordCheckout>
  followSubscription: ReturnType<typeof createFollowSubscription>
}
beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  client = postgres(seeded.database.applicationUrl, {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
    debug: (_connection, query) => statements.push(query),
  })
  const dependencies = {
    database: drizzle(preparing(client), { schema }),
    provider: scripted.provider,
    now: () => new Date(),
    ticker: noTicker,
  }
  activities = {
    openCheckout: createOpenCheckout(dependencies),
    recordCheckout: createRecordCheckout(dependencies),
    followSubscription: createFollowSubscription(dependencies),
  }
  await client`select 1`
})
afterAll(async () => {
  await client.end()
  await seeded.close()
})

async function count(work: () => Promise<unknown>): Promise<number> {
  statements = []
  await work()
  return statements.length
}

const price = money(9900, currency('brl'))
const paid = (payment: PaymentRow): CheckoutSnapshot => ({
  session: 'complete',
  payment: 'paid',
  settlement: 'none',
  total: price,
  attempts: [
    {
      stripeChargeId: `ch_${payment.paymentId}`,
      money: price,
      outcome: 'succeeded',
      attemptedAt: Date.now(),
    },
  ],
  stripePaymentIntentId: `pi_${payment.paymentId}`,
  ...(payment.subscriptionId !== null && {
    stripeSubscriptionId: `sub_${payment.paymentId}`,
    stripeInvoiceId: `in_1_${payment.paymentId}`,
  }),
})
const open: CheckoutSnapshot = {
  session: 'open',
  payment: 'unpaid',
  settlement: 'none',
  total: price,
  attempts: [],
}

describe('openCheckout', () => {
  it('makes customer, price and session in 34 statements, and a session alone in 17', async () => {
    const first = await seedPayment(seeded, projectId)
    expect(await count(() => activities.openCheckout(first))).toBeLessThanOrEqual(34)
    const second = await seedPayment(seeded, projectId)
    expect(await count(() => activities.openCheckout(second))).toBeLessThanOrEqual(17)
  })

  it('answers a repetition in 6', async () => {
    const payment = await seedPayment(seeded, projectId)
    await activities.openCheckout(payment)
    expect(await count(() => activities.openCheckout(payment))).toBeLessThanOrEqual(6)
  })
})

describe('recordCheckout', () => {
  it('records a success in 14 statements, and one that sold a subscription in 15', async () => {
    const once = await seedPayment(seeded, projectId, { buys: { product: 'book' } })
    const plan = await seedPayment(seeded, projectId)
    expect(
      await count(() => activities.recordCheckout({ ...once, snapshot: paid(once) })),
    ).toBeLessThanOrEqual(14)
    expect(
      await count(() => activities.recordCheckout({ ...plan, snapshot: paid(plan) })),
    ).toBeLessThanOrEqual(15)
  })

  it('records nothing new in 4', async () => {
    const payment = await seedPayment(seeded, projectId)
    expect(await count(() => activities.recordCheckout({ ...payment, snapshot: open }))).toBeLessThanOrEqual(
      4,
    )
  })
})

describe('followSubscription', () => {
  const DAY = 24 * 3_600_000
  const look = (payment: PaymentRow, period: number, knownRevision: number) => {
    const { subscriptionId, paymentId } = payment
    if (subscriptionId === null) throw new Error('the payment buys no plan')
    const stripeSubscriptionId = `sub_${paymentId}`
    scripted.show({
      subscription: subscriptionSeen({
        stripeSubscriptionId,
        priceId: scripted.made.prices[0] ?? '',
        currentPeriodStart: period * 30 * DAY,
        currentPeriodEnd: (period + 1) * 30 * DAY,
        latestInvoice: invoiceSeen({
          invoiceId: `in_${period}_${paymentId}`,
          billingReason: period === 1 ? 'subscription_create' : 'subscription_cycle',
        }),
      }),
    })
    const subject = { projectId, subscriptionId, paymentId, stripeSubscriptionId }
    return count(() => activities.followSubscription({ ...subject, knownRevision }))
  }

  // One of them reads the unpaid invoices: status and access follow from them.
  it('begins in 16 statements, renews in 18, and finds nothing new in 7', async () => {
    const payment = await seedPayment(seeded, projectId)
    await activities.openCheckout(payment)
    expect(await look(payment, 1, 0)).toBeLessThanOrEqual(16)
    expect(await look(payment, 2, 1)).toBeLessThanOrEqual(18)
    expect(await look(payment, 2, 2)).toBeLessThanOrEqual(7)
  })
})
