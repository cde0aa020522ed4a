import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { makeClock, type SubscriptionShown } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await joinProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'

/** Stripe has a schedule govern the subscription until a period after the planned change has come. */
describe('in the period that begins with a planned change of plan', () => {
  it('everything can be asked, and an unpaid renewal ends as it should', async () => {
    const { client, stripe } = product
    const clock = await makeClock(product, start)
    const read = async (id: string): Promise<SubscriptionShown> =>
      (await client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown
    const ask = (id: string, what: string, body: object = {}) =>
      client.call('POST', `/api/v1/subscriptions/${id}/${what}`, { body })

    const asked: { user: string; what: string; body: object; after: object }[] = [
      {
        user: 'plans-another',
        what: 'change-plan',
        body: { plan_id: 'pro', when: 'period_end' },
        after: { plan_id: 'pro', status: 'active' },
      },
      {
        user: 'changes-back',
        what: 'change-plan',
        body: { plan_id: 'pro', when: 'now' },
        after: { plan_id: 'pro', status: 'active' },
      },
      { user: 'ends', what: 'cancel', body: { at: 'period_end' }, after: { status: 'canceled' } },
      { user: 'ends-now', what: 'cancel', body: { at: 'now' }, after: { status: 'canceled' } },
      { user: 'pauses', what: 'pause', body: {}, after: { plan_id: 'team', status: 'paused' } },
    ]
    const ids = new Map<string, string>()
    for (const user of [...asked.map((one) => one.user), 'cannot-pay']) {
      const sold = await clock.subscribe(user)
      ids.set(user, sold.subscription_id)
      expect(
        await ask(sold.subscription_id, 'change-plan', { plan_id: 'team', when: 'period_end' }),
      ).toMatchObject({ status: 200, body: { plan_id: 'pro', pending_change: { plan_id: 'team' } } })
      if (user === 'cannot-pay') await stripe.changeCard(sold.stripe_subscription_id, cards.chargeDeclined)
    }
    const idOf = (user: string) => ids.get(user) ?? ''

    await clock.advanceTo('2027-02-12T12:00:00.000Z')
    for (const { user, what, body } of asked) {
      const answer = await ask(idOf(user), what, body)
      expect(answer.status, `${user}: ${JSON.stringify(answer.body)}`).toBe(200)
    }
    expect(await read(idOf('cannot-pay'))).toMatchObject({ plan_id: 'team', status: 'past_due' })

    await clock.advanceTo('2027-03-10T15:00:00.000Z')
    for (const { user, after } of asked) expect(await read(idOf(user))).toMatchObject(after)
    expect(await read(idOf('cannot-pay'))).toMatchObject({
      status: 'canceled',
      has_access: false,
      dunning: { status: 'exhausted' },
    })
    expect(await findFlaws(product)).toEqual([])
  })
})
