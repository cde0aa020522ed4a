import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atMost } from '../support/at-most.ts'
import { runs, timeout } from '../support/effort.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'
import { makeClock } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'
const afterRenewal = '2027-02-10T14:00:00.000Z'
/** `npm run jump` wakes a thousand. */
const COUNT = runs(15)

describe(`a jump of a test clock that wakes ${COUNT} subscriptions at once`, () => {
  it('settles with each renewed once, and nothing failed on the way', { timeout }, async () => {
    const clock = await makeClock(product, start)
    const users = Array.from({ length: COUNT }, (_, index) => `sleeper-${index}`)
    const startedAt = Date.now()
    await atMost(8, users, (userId) => clock.subscribe(userId))
    const jumpedAt = Date.now()
    await clock.advanceTo(afterRenewal)
    console.log(
      `${COUNT} subscriptions: sold in ${jumpedAt - startedAt} ms, renewed and settled in ${Date.now() - jumpedAt} ms`,
    )
    const { sql, stripe } = product
    const rows = await sql`
      select status, current_period_end, count(*)::int from subscriptions group by 1, 2`
    expect(rows).toEqual([
      { status: 'active', current_period_end: new Date('2027-03-10T12:00:00.000Z'), count: COUNT },
    ])
    const told = await sql`
      select count(*)::int from outbox where envelope::jsonb ->> 'type' = 'com.quittance.subscription.renewed'`
    expect(told).toEqual([{ count: COUNT }])
    const { charges_per_invoice: charges } = await stripe.counts()
    expect(Object.values(charges)).toEqual(Array.from({ length: 2 * COUNT }, () => 1))
    expect(await findFlaws(product)).toEqual([])
  })
})
