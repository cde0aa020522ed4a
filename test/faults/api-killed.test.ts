import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'
import { createRandom } from '../support/random.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

async function paymentsOf(userPattern: string): Promise<number> {
  const [row] =
    await product.sql`select count(*)::int as count from payments where user_id like ${userPattern}`
  return Number(row?.count)
}

describe('a request that is repeated', () => {
  it('makes one payment of 16 calls at once with one idempotency key', async () => {
    const { client } = product
    const key = randomUUID()
    const purchase = { user_id: 'impatient', product_id: 'book' }
    const answers = await Promise.all(Array.from({ length: 16 }, () => client.requestPayment(purchase, key)))
    // While the first is at work the others are told to come again; a machine under load may tell the first so as well.
    expect(answers.filter(({ status }) => ![201, 409, 503].includes(status))).toEqual([])
    const repeated = await client.openPayment(purchase, key)
    const finalAnswers = answers.filter(({ status }) => status === 201)
    expect(finalAnswers.map(({ body }) => body)).toEqual(finalAnswers.map(() => repeated))
    expect(await paymentsOf('impatient')).toBe(1)
  })

  it(
    'makes one payment although the API is killed at any moment of it, and of its webhooks',
    { timeout: 240_000 },
    async () => {
      const { api } = product
      const seed = Number(process.env.QUITTANCE_SEED ?? 7)
      const random = createRandom(seed)
      const arriving = sendCustomers(product, { count: 40, prefix: 'patient', every_ms: 100 })
      for (let kill = 0; kill < 3; kill += 1) {
        await sleep(random() * 1_500)
        await api.kill()
        await api.start()
      }
      const customers = await arriving
      expect(await untilServed(product, customers), `seed ${seed}`).toEqual([])
      expect(await paymentsOf('patient-%')).toBe(customers.length)
      expect(await findFlaws(product)).toEqual([])
    },
  )
})
