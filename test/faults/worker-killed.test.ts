import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Customer, sendCustomers, untilServed } from '../support/customers.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'
import { createRandom } from '../support/random.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

describe('a worker that is killed', () => {
  it('loses nothing of checkouts that it leaves at every step of their way', async () => {
    const { client, stripe, sql, worker } = product
    const begin = async (userId: string, buysPlan = false) => {
      const purchase = { user_id: userId, ...(buysPlan ? { plan_id: 'pro' } : { product_id: 'book' }) }
      const payment = await client.openPayment(purchase)
      const customer: Customer = { userId, paymentId: payment.payment_id, buysPlan }
      return { customer, sessionId: payment.checkout_session_id }
    }
    const waiting = await begin('waits-for-the-customer')
    const paying = await begin('is-being-recorded')
    const subscribing = await begin('subscription-is-being-recorded', true)

    // What a worker writes is held up by somebody's lock on the rows.
    const locks = await sql.reserve()
    await locks`begin`
    await locks`select from payments where payment_id = ${paying.customer.paymentId} for update`
    await locks`select from customers where user_id = ${subscribing.customer.userId} for update`
    await stripe.pay(paying.sessionId)
    await stripe.pay(subscribing.sessionId)
    await eventually('both wait for the locks', async () => {
      const [row] = await sql`
        select count(*)::int as count from pg_locks join pg_stat_activity using (pid)
        where datname = current_database() and usename = 'quittance_app' and not granted`
      return row?.count === 2
    })
    // The page is being opened: Stripe has done it, and its answer is still on the way.
    const sessionsBefore = await sessionsMade()
    await stripe.faults({ api: { delay_ms: 3_000, paths: ['/v1/checkout/sessions'] } })
    const opening = client.openPayment({ user_id: 'page-is-being-opened', product_id: 'book' })
    await eventually('Stripe has made the page', async () => (await sessionsMade()) > sessionsBefore)

    await worker.kill()
    await stripe.endFaults()
    await locks`rollback`
    locks.release()
    await stripe.pay(waiting.sessionId)
    const asked = client.openPayment({ user_id: 'asks-while-it-is-dead', plan_id: 'pro' }, randomUUID())
    await worker.start()

    const [opened, late] = await Promise.all([opening, asked])
    await Promise.all([opened, late].map((payment) => stripe.pay(payment.checkout_session_id)))
    const customers: Customer[] = [
      waiting.customer,
      paying.customer,
      subscribing.customer,
      { userId: 'page-is-being-opened', paymentId: opened.payment_id, buysPlan: false },
      { userId: 'asks-while-it-is-dead', paymentId: late.payment_id, buysPlan: true },
    ]
    expect(await untilServed(product, customers)).toEqual([])
    expect(await findFlaws(product)).toEqual([])
  })

  it('again and again, at moments that a seed chooses, leaves every checkout charged and told once', async () => {
    const { worker } = product
    const seed = Number(process.env.QUITTANCE_SEED ?? 7)
    const random = createRandom(seed)
    const arriving = sendCustomers(product, { count: 40, prefix: `seed-${seed}`, every_ms: 120 })
    for (let kill = 0; kill < 3; kill += 1) {
      await sleep(random() * 1_500)
      await worker.kill()
      await worker.start()
    }
    expect(await untilServed(product, await arriving), `seed ${seed}`).toEqual([])
    expect(await findFlaws(product)).toEqual([])
  })
})

async function sessionsMade(): Promise<number> {
  return (await product.stripe.counts()).calls['POST /v1/checkout/sessions'] ?? 0
}
