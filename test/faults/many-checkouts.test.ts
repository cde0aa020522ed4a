import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const CHECKOUTS = 200

describe(`${CHECKOUTS} checkouts at once`, () => {
  it(
    'are each charged once, though every webhook comes twice and out of order',
    { timeout: 400_000 },
    async () => {
      await product.stripe.faults({ webhooks: { duplicate: 1, reorder: 1 } })
      const startedAt = Date.now()
      const customers = await sendCustomers(product, { count: CHECKOUTS })
      const paidAfter_ms = Date.now() - startedAt
      expect(await untilServed(product, customers, 180_000)).toEqual([])
      const toldAfter_ms = Date.now() - startedAt
      console.log(
        `${CHECKOUTS} checkouts: paid after ${paidAfter_ms} ms, told on Kafka after ${toldAfter_ms} ms`,
      )

      expect(new Set(customers.map(({ paymentId }) => paymentId)).size).toBe(CHECKOUTS)
      expect(await findFlaws(product)).toEqual([])
      const { stored, duplicate } = await webhooksByOutcome()
      expect(duplicate).toBeGreaterThanOrEqual(stored)
    },
  )
})

/** How often the API stored an event, and how often it had it already. */
async function webhooksByOutcome(): Promise<{ stored: number; duplicate: number }> {
  const metrics = await (await fetch(`${product.apiUrl}/metrics`)).text()
  const sum = (outcome: string) =>
    metrics
      .split('\n')
      .filter((line) => line.startsWith('webhook_events_total') && line.includes(`outcome="${outcome}"`))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
  return { stored: sum('stored'), duplicate: sum('duplicate') }
}
