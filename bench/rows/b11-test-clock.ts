import { randomUUID } from 'node:crypto'
import { eventually } from '../../test/support/eventually.ts'
import { expectStatus } from '../http-client.ts'
import { openPayment } from '../payments.ts'
import type { Row } from '../row.ts'
import type { Stack } from '../stack.ts'

const COUNT = 100
const DAYS = 30
const DAY_MS = 24 * 3_600_000
const start = Date.parse('2027-04-10T12:00:00Z')

/** One hundred monthly subscriptions on one clock, renewed once in one jump and once day by day. */
export const testClock: Row = {
  id: 'B11',
  name: `${COUNT} subscriptions on a test clock, ${DAYS} days, all renewed and settled`,
  bareProgram: 'the same clock at the local Stripe alone, nobody following',
  roundsAtMost: 1,
  figures: [
    { name: 'in one jump', unit: 's', aim: { oursAtMost: 10 } },
    { name: 'day by day', unit: 's', aim: { oursAtMost: 25 } },
  ],

  prepare: (stack) =>
    Promise.resolve({
      async ours() {
        const { clockId, users } = await makeSubscriptions(stack)
        // An hour after the period has ended, Stripe charges for the next one.
        const jumped = start + DAYS * DAY_MS + 2 * 3_600_000
        const jump = await timed(() => advance(stack, clockId, jumped))
        await expectRenewals(stack, users, 1)
        // The next period of 31 days, in 31 steps.
        const daily = await timed(async () => {
          for (let day = 1; day <= DAYS + 1; day += 1) await advance(stack, clockId, jumped + day * DAY_MS)
        })
        await expectRenewals(stack, users, 2)
        return { 'in one jump': jump, 'day by day': daily }
      },

      async bare() {
        const clockId = await makeBareSubscriptions(stack)
        const jumped = start + DAYS * DAY_MS + 2 * 3_600_000
        const jump = await timed(() => advanceBare(stack, clockId, jumped))
        const daily = await timed(async () => {
          for (let day = 1; day <= DAYS + 1; day += 1)
            await advanceBare(stack, clockId, jumped + day * DAY_MS)
        })
        return { 'in one jump': jump, 'day by day': daily }
      },
    }),
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

const authorized = ({ ours }: Stack) => ({ authorization: `Bearer ${ours.project.apiKey}` })

async function makeSubscriptions(stack: Stack): Promise<{ clockId: string; users: string[] }> {
  const { ours } = stack
  const made = await ours.http.post(
    '/api/v1/test-clocks',
    JSON.stringify({ frozen_time: new Date(start).toISOString() }),
    authorized(stack),
  )
  const { id: clockId } = JSON.parse(expectStatus(201, made)) as { id: string }
  const users = Array.from({ length: COUNT }, () => `clock-${randomUUID()}`)
  const left = [...users]
  const subscribe = async () => {
    for (let user = left.pop(); user !== undefined; user = left.pop()) {
      const { sessionId } = await openPayment(stack, user, { plan_id: 'pro', test_clock_id: clockId })
      await ours.stripe.pay(sessionId)
    }
  }
  await Promise.all(Array.from({ length: 8 }, subscribe))
  await eventually(
    'every subscription is active',
    async () => {
      const [row] = await ours.sql`
        select count(*)::int as count from subscriptions where status = 'active' and user_id in ${ours.sql(users)}`
      return row?.count === COUNT
    },
    { within_ms: 120_000, every_ms: 200 },
  )
  return { clockId, users }
}

async function advance(stack: Stack, clockId: string, to: number): Promise<void> {
  const { ours } = stack
  const frozen_time = new Date(to).toISOString()
  expectStatus(
    200,
    await ours.http.post(
      `/api/v1/test-clocks/${clockId}/advance`,
      JSON.stringify({ frozen_time }),
      authorized(stack),
    ),
  )
  await eventually(
    `the clock is at ${frozen_time}`,
    async () => {
      const [row] = await ours.sql`select status from test_clocks where clock_id = ${clockId}`
      return row?.status === 'ready'
    },
    { within_ms: 300_000, every_ms: 20 },
  )
}

async function expectRenewals({ ours }: Stack, users: string[], times: number): Promise<void> {
  const [row] = await ours.sql`
    select count(*)::int as count from audit join subscriptions on subject_id = subscription_id
    where action = 'subscription.renewed' and user_id in ${ours.sql(users)}`
  if (row?.count !== times * users.length)
    throw new Error(`${String(row?.count)} renewals are recorded, not ${times * users.length}`)
}

async function makeBareSubscriptions({ bare }: Stack): Promise<string> {
  const { sdk } = bare.stripe
  const clock = await sdk.testHelpers.testClocks.create({ frozen_time: start / 1000 })
  const price = await sdk.prices.create({
    currency: 'brl',
    unit_amount: 9_900,
    recurring: { interval: 'month' },
    product_data: { name: 'Pro' },
  })
  for (let count = 0; count < COUNT; count += 1) {
    const customer = await sdk.customers.create({ test_clock: clock.id })
    const card = await sdk.paymentMethods.attach('pm_card_visa', { customer: customer.id })
    await sdk.subscriptions.create({
      customer: customer.id,
      default_payment_method: card.id,
      items: [{ price: price.id }],
    })
  }
  return clock.id
}

async function advanceBare({ bare }: Stack, clockId: string, to: number): Promise<void> {
  const { testClocks } = bare.stripe.sdk.testHelpers
  await testClocks.advance(clockId, { frozen_time: to / 1000 })
  await eventually(
    'the clock of Stripe is ready',
    async () => (await testClocks.retrieve(clockId)).status === 'ready',
    { within_ms: 60_000, every_ms: 5 },
  )
}
