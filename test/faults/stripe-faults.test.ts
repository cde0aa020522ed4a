import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { metadataKeys } from '../../domain/provider.ts'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterEach(() => product.stripe.endFaults())
afterAll(() => product.end())

async function callsOf(path: string): Promise<number> {
  return (await product.stripe.counts()).calls[`POST ${path}`] ?? 0
}

describe('an answer of Stripe that is lost after the effect', () => {
  it.for(['/v1/prices', '/v1/customers', '/v1/checkout/sessions'])(
    'makes neither a second effect nor a second charge: %s',
    async (path) => {
      const { stripe } = product
      const callsBefore = await callsOf(path)
      await stripe.faults({ api: { lost_answer: 1, paths: [path] } })
      // A project of its own, so that its prices are not there yet.
      const { projectId, client } = await product.registerProject()
      const opening = client.openPayment({ user_id: 'one', plan_id: 'pro' })
      await eventually('Stripe was asked again', async () => (await callsOf(path)) >= callsBefore + 4)
      await stripe.endFaults()
      const { payment_id: paymentId, checkout_session_id: sessionId } = await opening
      await stripe.pay(sessionId)
      await client.paymentBecomes(paymentId, 'succeeded')

      const { sdk } = stripe
      const ofProject = (items: { metadata: Record<string, string> | null }[]) =>
        items.filter(({ metadata }) => metadata?.[metadataKeys.project] === projectId).length
      const pricesOfProject = async () => ofProject((await sdk.prices.list({ limit: 100 })).data)
      // Two plans and a product. The payment waits for the price it needs alone; the catalog goes on with the others.
      await eventually('the whole catalog is published', async () => (await pricesOfProject()) >= 3)
      const [customers, sessions, subscriptions] = await Promise.all([
        sdk.customers.list({ limit: 100 }),
        sdk.checkout.sessions.list({ limit: 100 }),
        sdk.subscriptions.list({ limit: 100 }),
      ])
      expect({
        customers: ofProject(customers.data),
        prices: await pricesOfProject(),
        sessions: ofProject(sessions.data),
        subscriptions: ofProject(subscriptions.data),
      }).toEqual({ customers: 1, prices: 3, sessions: 1, subscriptions: 1 })
      expect(await findFlaws(product)).toEqual([])
    },
  )
})

describe('Stripe in trouble', () => {
  it.for([{ error_500: 0.6 }, { error_429: 0.6 }, { error_500: 0.2, error_429: 0.2, lost_answer: 0.2 }])(
    'for some seconds delays checkouts and changes nothing else: %o',
    async (api, { task }) => {
      await product.stripe.faults({ api })
      const arriving = sendCustomers(product, { count: 8, prefix: task.id, every_ms: 300 })
      await sleep(4_000)
      await product.stripe.endFaults()
      expect(await untilServed(product, await arriving)).toEqual([])
      expect(await findFlaws(product)).toEqual([])
    },
  )

  it('is found out by looking when every webhook is lost', async () => {
    const { stripe, sql } = product
    // The first look without having been woken comes two minutes after a page was opened. For this test every page seems to
    // have been opened almost that long ago.
    await sql`create function opened_earlier() returns trigger language plpgsql as $$ begin
        new.session_opened_at := new.session_opened_at - interval '110 seconds'; return new; end $$`
    await sql`create trigger opened_earlier before update of session_opened_at on payments
      for each row execute function opened_earlier()`
    await stripe.faults({ webhooks: { drop: 1 } })
    const [before] = await sql`select count(*)::int as count from inbox`
    const customers = await sendCustomers(product, { count: 6, prefix: 'unheard' })
    expect(await untilServed(product, customers)).toEqual([])
    const [after] = await sql`select count(*)::int as count from inbox`
    expect(after).toEqual(before)
    expect(await findFlaws(product, { webhooksLost: true })).toEqual([])
  })
})
