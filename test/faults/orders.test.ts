import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atMost } from '../support/at-most.ts'
import { runs, seed, timeout } from '../support/effort.ts'
import { ordersOf } from '../support/failed-renewal.ts'
import { groupBy } from '../support/group-by.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, startProduct } from '../support/product.ts'
import { createRandom, sample } from '../support/random.ts'
import { later, makeClock, type SubscriptionShown } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:00:00.000Z'

type StripeEvent = Awaited<ReturnType<Product['stripe']['sdk']['events']['list']>>['data'][number]

const statusBefore = ({ data }: StripeEvent) =>
  (data.previous_attributes as { status?: string } | undefined)?.status
const isUpdate = (event: StripeEvent, status: string | undefined) =>
  event.type === 'customer.subscription.updated' && statusBefore(event) === status

/** The six events that Stripe sends us of a renewal that fails and is paid in the end, as they happen. */
const moments: { isOfRecovery: boolean; is: (event: StripeEvent) => boolean }[] = [
  { isOfRecovery: false, is: (event) => isUpdate(event, undefined) },
  { isOfRecovery: false, is: ({ type }) => type === 'payment_intent.payment_failed' },
  { isOfRecovery: false, is: ({ type }) => type === 'invoice.payment_failed' },
  { isOfRecovery: false, is: (event) => isUpdate(event, 'active') },
  { isOfRecovery: true, is: ({ type }) => type === 'invoice.paid' },
  { isOfRecovery: true, is: (event) => isUpdate(event, 'past_due') },
]

const random = createRandom(seed)
const orders = sample(random, ordersOf([0, 1, 2, 3, 4, 5]), runs(6))
const AT_ONCE = 60

interface Customer {
  userId: string
  order: number[]
  sold: SubscriptionShown
  stripeCustomerId: string
}

describe(`${orders.length} of the 720 orders of the events of a failed renewal and its recovery`, () => {
  it(
    'lead to one end and one set of events, whatever comes twice or in the same second',
    { timeout },
    async () => {
      for (let done = 0; done < orders.length; done += AT_ONCE) {
        const startedAt = Date.now()
        await play(orders.slice(done, done + AT_ONCE), `batch-${done / AT_ONCE}`)
        console.log(`seed ${seed}: orders from ${done} on in ${Date.now() - startedAt} ms`)
      }
      const { sql, projectId } = product
      const rows = await sql`
      select s.status, c.status as case_status, current_period_end, count(*)::int
      from subscriptions s join dunning_cases c using (project_id, subscription_id) group by 1, 2, 3`
      expect(rows).toEqual([
        {
          status: 'active',
          case_status: 'recovered',
          current_period_end: new Date('2027-03-10T12:00:00.000Z'),
          count: orders.length,
        },
      ])
      const told = await sql<{ key: string; type: string }[]>`
      select message_key as key, replace(envelope::jsonb ->> 'type', 'com.quittance.', '') as type
      from outbox where project_id = ${projectId} order by message_key, position`
      const stories = [...groupBy(told, ({ key }) => key).values()].map((events) =>
        events.map(({ type }) => type).join(),
      )
      expect(stories).toHaveLength(orders.length)
      expect([...new Set(stories)]).toHaveLength(1)
      expect(await findFlaws(product, { webhooksLost: true })).toEqual([])
    },
  )
})

/** Has the renewals of so many customers fail and be paid, and brings Stripe's events to each in an order of their own. */
async function play(batch: number[][], prefix: string): Promise<void> {
  const { stripe } = product
  const clock = await makeClock(product, start)
  const customers = await atMost(8, [...batch.entries()], async ([index, order]): Promise<Customer> => {
    const userId = `${prefix}-${index}`
    const sold = await clock.subscribe(userId)
    const { customer } = await stripe.sdk.subscriptions.retrieve(sold.stripe_subscription_id)
    await stripe.changeCard(sold.stripe_subscription_id, cards.chargeDeclined)
    return { userId, order, sold, stripeCustomerId: JSON.stringify(customer) }
  })
  // From here on we bring the events ourselves. That the renewal failed is seen at its deadline.
  await stripe.faults({ webhooks: { drop: 1 } })
  await clock.advanceTo(later(failure, 0, 1))
  await atMost(8, customers, bring)
  await stripe.endFaults()
  await clock.advanceTo(later(failure, 1))
}

/** An event is brought once it has happened: the customer pays on the invoice's page when that is to be told. */
async function bring({ userId, order, sold, stripeCustomerId }: Customer): Promise<void> {
  const { client, stripe } = product
  const { body } = await client.call('GET', `/api/v1/subscriptions/${sold.subscription_id}`)
  const { dunning } = body as unknown as SubscriptionShown
  if (!dunning) throw new Error(`the renewal of ${userId} has not failed`)
  const after = Date.parse(start) / 1000
  let isPaid = false
  for (const moment of order) {
    const { isOfRecovery, is } = moments[moment] ?? { isOfRecovery: false, is: () => false }
    if (isOfRecovery && !isPaid) {
      await stripe.payInvoice(dunning.invoice_id)
      isPaid = true
    }
    const event = await findEvent((one) => is(one) && one.created > after && isOf(one, stripeCustomerId))
    // All of the same second, and every other one twice.
    const told = { ...event, created: Date.parse(failure) / 1000 }
    const copies = random() < 0.5 ? [told, told] : [told]
    const statuses = await Promise.all(copies.map((copy) => product.sendWebhook(copy)))
    if (statuses.some((status) => status !== 200)) throw new Error(`answered ${statuses.join()}`)
    await sleep(random() * 100)
  }
}

const isOf = ({ data }: StripeEvent, stripeCustomerId: string) =>
  'customer' in data.object && JSON.stringify(data.object.customer) === stripeCustomerId

async function findEvent(is: (event: StripeEvent) => boolean): Promise<StripeEvent> {
  for await (const event of product.stripe.sdk.events.list({ limit: 100 })) if (is(event)) return event
  throw new Error('Stripe has told of no such thing')
}
