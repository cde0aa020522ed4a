import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idOf } from '../../providers/stripe/snapshots.ts'
import type { CheckoutClient } from '../support/checkout-client.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { later, makeClock, type PlayedClock, type SubscriptionShown } from '../support/test-clock.ts'

const monthly = { currency: 'brl', interval: 'month' }
const plans = [
  { ...monthly, id: 'pro', name: 'Pro', amount: 9_900, roles: ['pro'] },
  { ...monthly, id: 'enterprise', name: 'Enterprise', amount: 49_900, roles: ['pro', 'enterprise'] },
  { ...monthly, id: 'trial', name: 'Trial', amount: 9_900, roles: ['pro'], trial_days: 14 },
  { id: 'yearly', name: 'Yearly', amount: 99_000, roles: ['pro'], currency: 'brl', interval: 'year' },
  { id: 'dollars', name: 'Dollars', amount: 2_000, roles: [], currency: 'usd', interval: 'month' },
]

let product: Product
let client: CheckoutClient
let projectId: string

beforeAll(async () => {
  product = await joinProduct()
  ;({ client, projectId } = await product.registerProject({ plans }))
})
afterAll(() => product.end())

/** A month of 30 days, so that half of it is 15. */
const start = '2027-04-10T12:00:00.000Z'
const end = '2027-05-10T12:00:00.000Z'
const half = later(start, 15)

const newClock = (): Promise<PlayedClock> => makeClock({ client, stripe: product.stripe }, start)
const read = async (id: string): Promise<SubscriptionShown> =>
  (await client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown
const ask = (id: string, what: string, body: object = {}) =>
  client.call('POST', `/api/v1/subscriptions/${id}/${what}`, { body })
const told = (userId: string) => product.events.typesOf(projectId, userId)
const count = (userId: string, type: string) => told(userId).filter((one) => one === type).length
const paidOf = async (stripeId: string): Promise<number[]> => {
  const { data } = await product.stripe.sdk.invoices.list({ subscription: stripeId, limit: 100 })
  return data.map(({ amount_paid: paid }) => paid).toReversed()
}

describe('a subscription', () => {
  it('is renewed month after month, a whole year in one jump', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('renews')
    await clock.advanceTo('2028-04-10T14:00:00.000Z')
    expect(await read(id)).toMatchObject({
      status: 'active',
      current_period_start: '2028-04-10T12:00:00.000Z',
    })
    expect(await paidOf(stripeId)).toEqual(Array.from({ length: 13 }, () => 9_900))
    expect(count('renews', 'subscription.renewed')).toBe(12)
    expect(await findFlaws(product)).toEqual([])
  })

  it('adds its roles to those of the user’s others', async () => {
    const clock = await newClock()
    await clock.subscribe('has-two', 'pro')
    const second = await clock.subscribe('has-two', 'enterprise', { quantity: 3 })
    expect(second.subscription_id).toBeDefined()
    await client.rolesBecome('has-two', ['enterprise', 'pro'])
    const { subscriptions } = await client.access('has-two')
    const enterprise = (subscriptions as unknown as SubscriptionShown[]).find(
      ({ plan_id: plan }) => plan === 'enterprise',
    )
    expect(enterprise).toMatchObject({ quantity: 3 })
    await ask(enterprise?.subscription_id ?? '', 'cancel', { at: 'now' })
    expect((await client.access('has-two')).roles).toEqual(['pro'])
  })
})

describe('a subscription that a balance of the customer at Stripe helps to pay', () => {
  it('brings in what was charged, and no more', async () => {
    const clock = await newClock()
    const { customers, subscriptions } = product.stripe.sdk
    const first = await clock.subscribe('has-a-balance')
    const { customer } = await subscriptions.retrieve(first.stripe_subscription_id)
    const give = (amount: number) =>
      customers.createBalanceTransaction(idOf(customer) ?? '', { amount: -amount, currency: 'brl' })
    const subscribeAgain = async (plan_id: string): Promise<number> => {
      const test_clock_id = clock.clockId
      const opened = await client.openPayment({ user_id: 'has-a-balance', plan_id, test_clock_id })
      await product.stripe.pay(opened.checkout_session_id)
      return (await client.paymentBecomes(opened.payment_id, 'succeeded')).amount_received
    }
    await give(3_000)
    expect(await subscribeAgain('enterprise')).toBe(46_900)
    await give(20_000)
    expect(await subscribeAgain('pro')).toBe(0)
    expect(await findFlaws(product)).toEqual([])
  })
})

describe('a trial', () => {
  it('is announced three days before it ends, and becomes a paid period', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('tries', 'trial')
    expect(await read(id)).toMatchObject({
      status: 'trialing',
      has_access: true,
      trial_end: later(start, 14),
    })
    await clock.advanceTo(later(start, 10, 23))
    expect(count('tries', 'subscription.trial_will_end')).toBe(0)
    await clock.advanceTo(later(start, 15))
    expect(await read(id)).toMatchObject({ status: 'active', has_access: true })
    expect(await paidOf(stripeId)).toEqual([0, 9_900])
    expect(count('tries', 'subscription.trial_will_end')).toBe(1)
    expect(count('tries', 'notice.trial_will_end')).toBe(1)
    expect(await findFlaws(product)).toEqual([])
  })

  it('costs nothing when it is canceled before its end', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe(
      'tries-only',
      'trial',
    )
    expect((await ask(id, 'cancel', { at: 'period_end' })).status).toBe(200)
    await clock.advanceTo(later(start, 15))
    expect(await read(id)).toMatchObject({ status: 'canceled', has_access: false })
    expect(await paidOf(stripeId)).toEqual([0])
  })
})

describe('a change of plan', () => {
  it('to a dearer one charges the difference for what is left of the period, as its preview says', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('upgrades')
    await clock.advanceTo(half)
    const preview = await ask(id, 'preview-change', { plan_id: 'enterprise', when: 'now' })
    expect(preview).toMatchObject({ status: 200, body: { amount_due: 20_000, currency: 'brl' } })
    const changed = await ask(id, 'change-plan', { plan_id: 'enterprise', when: 'now' })
    expect(changed).toMatchObject({
      status: 200,
      body: { plan_id: 'enterprise', roles: ['enterprise', 'pro'], current_period_end: end },
    })
    expect(await paidOf(stripeId)).toEqual([9_900, 20_000])
    expect(count('upgrades', 'subscription.updated')).toBeGreaterThan(0)
    // On the same day it is canceled as well.
    expect((await ask(id, 'cancel', { at: 'now' })).body).toMatchObject({ status: 'canceled', roles: [] })
    await clock.advanceTo(later(end, 1))
    expect(await paidOf(stripeId)).toEqual([9_900, 20_000])
    expect(await findFlaws(product)).toEqual([])
  })

  it('is refused with the card, and leaves everything as it was', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('is-declined')
    await ask(id, 'change-plan', { plan_id: 'yearly', when: 'period_end' })
    const before = await read(id)
    await clock.advanceTo(half)
    await product.stripe.changeCard(stripeId, cards.chargeDeclined)
    const refused = await ask(id, 'change-plan', { plan_id: 'enterprise', when: 'now' })
    expect(refused).toMatchObject({ status: 402, body: { code: 'card_declined' } })
    expect(await read(id)).toEqual(before)
    expect(await paidOf(stripeId)).toEqual([9_900])
    expect(await findFlaws(product)).toEqual([])
  })

  it('that needs the customer’s bank waits for it, and counts when it is paid', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('confirms')
    await clock.advanceTo(half)
    await product.stripe.changeCard(stripeId, cards.threeDSecure)
    const waits = await ask(id, 'change-plan', { plan_id: 'enterprise', when: 'now' })
    expect(waits).toMatchObject({
      status: 200,
      body: { plan_id: 'pro', roles: ['pro'], pending_change: { plan_id: 'enterprise', when: 'now' } },
    })
    const { pending_change: pending } = waits.body as unknown as SubscriptionShown
    await product.stripe.payInvoice(pending?.pay_url?.split('/').at(-1) ?? '')
    await client.rolesBecome('confirms', ['enterprise', 'pro'])
    const changed = await read(id)
    expect(changed).toMatchObject({ plan_id: 'enterprise' })
    expect(changed.pending_change).toBeUndefined()
    expect(await findFlaws(product)).toEqual([])
  })

  it('that waits for the customer lapses when nobody confirms it', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('forgets')
    await clock.advanceTo(half)
    await product.stripe.changeCard(stripeId, cards.threeDSecure)
    await ask(id, 'change-plan', { plan_id: 'enterprise', when: 'now' })
    await clock.advanceTo(later(half, 2))
    const unchanged = await read(id)
    expect(unchanged).toMatchObject({ plan_id: 'pro', status: 'active' })
    expect(unchanged.pending_change).toBeUndefined()
    expect(await findFlaws(product)).toEqual([])
  })

  it('to a cheaper one comes at the period’s end, and can be taken back before', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe(
      'downgrades',
      'enterprise',
    )
    const asked = await ask(id, 'change-plan', { plan_id: 'pro', when: 'period_end' })
    expect(asked).toMatchObject({
      status: 200,
      body: { plan_id: 'enterprise', pending_change: { plan_id: 'pro', when: 'period_end', at: end } },
    })
    await clock.advanceTo(half)
    const mind = await ask(id, 'change-plan', { plan_id: 'enterprise', when: 'period_end' })
    expect(mind.status).toBe(200)
    expect((mind.body as unknown as SubscriptionShown).pending_change).toBeUndefined()
    expect(await ask(id, 'change-plan', { plan_id: 'enterprise', when: 'now' })).toMatchObject({
      status: 409,
      body: { code: 'same_plan' },
    })
    await ask(id, 'change-plan', { plan_id: 'pro', when: 'period_end' })
    await clock.advanceTo(later(end, 0, 3))
    expect(await read(id)).toMatchObject({ plan_id: 'pro', status: 'active', roles: ['pro'] })
    expect(await paidOf(stripeId)).toEqual([49_900, 9_900])
    await clock.advanceTo('2027-07-10T15:00:00.000Z')
    expect(await paidOf(stripeId)).toEqual([49_900, 9_900, 9_900, 9_900])
    expect(await findFlaws(product)).toEqual([])
  })

  it('to another interval starts a period of its own', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('goes-yearly')
    await ask(id, 'change-plan', { plan_id: 'yearly', when: 'period_end' })
    await clock.advanceTo(later(end, 0, 3))
    expect(await read(id)).toMatchObject({
      plan_id: 'yearly',
      current_period_end: '2028-05-10T12:00:00.000Z',
    })
    expect(await paidOf(stripeId)).toEqual([9_900, 99_000])
    expect(await findFlaws(product)).toEqual([])
  })

  it('of the number of units charges for the new ones', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('grows')
    await clock.advanceTo(half)
    const changed = await ask(id, 'change-plan', { plan_id: 'pro', quantity: 3, when: 'now' })
    expect(changed).toMatchObject({ status: 200, body: { quantity: 3 } })
    expect(await paidOf(stripeId)).toEqual([9_900, 9_900])
    expect(await findFlaws(product)).toEqual([])
  })

  it('is refused where it makes no sense, with what may be done instead', async () => {
    const clock = await newClock()
    const { subscription_id: id } = await clock.subscribe('asks-nonsense')
    const cases = [
      ['change-plan', { plan_id: 'nowhere', when: 'now' }, 404, 'plan_not_found'],
      ['change-plan', { plan_id: 'pro', when: 'now' }, 409, 'same_plan'],
      ['change-plan', { plan_id: 'dollars', when: 'now' }, 409, 'currency_mismatch'],
      ['preview-change', { plan_id: 'dollars', when: 'now' }, 409, 'currency_mismatch'],
      ['resume', {}, 409, 'nothing_to_resume'],
      ['retry-payment', {}, 409, 'nothing_to_collect'],
    ] as const
    for (const [what, body, status, code] of cases)
      expect(await ask(id, what, body)).toMatchObject({ status, body: { code } })
  })
})

describe('an end', () => {
  it('with the period can be taken back until it comes', async () => {
    const clock = await newClock()
    const { subscription_id: id } = await clock.subscribe('hesitates')
    const canceling = await ask(id, 'cancel', { at: 'period_end', reason: 'Too dear.' })
    expect(canceling).toMatchObject({ status: 200, body: { status: 'active', cancel_at_period_end: true } })
    expect(await ask(id, 'cancel', { at: 'period_end' })).toMatchObject({
      body: { code: 'already_canceling' },
    })
    expect(await ask(id, 'resume')).toMatchObject({ status: 200, body: { cancel_at_period_end: false } })
    await ask(id, 'cancel', { at: 'period_end' })
    await clock.advanceTo(later(end, 1))
    expect(await read(id)).toMatchObject({ status: 'canceled', has_access: false, roles: [] })
    expect(await ask(id, 'resume')).toMatchObject({ status: 409, body: { code: 'subscription_ended' } })
    // Who comes back buys anew.
    await clock.subscribe('hesitates')
    await client.rolesBecome('hesitates', ['pro'])
    expect(await findFlaws(product)).toEqual([])
  })
})

describe('a pause', () => {
  it('charges nothing, gives no access, and ends on its date', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('rests')
    await clock.advanceTo(half)
    const until = later(start, 75)
    const paused = await ask(id, 'pause', { until })
    expect(paused).toMatchObject({
      status: 200,
      body: { status: 'paused', has_access: false, paused_until: until },
    })
    expect(await ask(id, 'pause')).toMatchObject({ status: 409, body: { code: 'already_paused' } })
    await clock.advanceTo(later(start, 70))
    expect(await read(id)).toMatchObject({ status: 'paused' })
    expect(await paidOf(stripeId)).toEqual([9_900])
    await clock.advanceTo(later(start, 76))
    expect(await read(id)).toMatchObject({ status: 'active', has_access: true, roles: ['pro'] })
    // Half a month had been paid for and not used.
    expect((await paidOf(stripeId)).at(-1)).toBe(4_950)
    expect(await findFlaws(product)).toEqual([])
  })

  it('lasts until somebody ends it, and stays when the charge is declined', async () => {
    const clock = await newClock()
    const { subscription_id: id, stripe_subscription_id: stripeId } = await clock.subscribe('rests-long')
    await clock.advanceTo(half)
    await ask(id, 'pause')
    await clock.advanceTo(later(start, 200))
    await product.stripe.changeCard(stripeId, cards.chargeDeclined)
    expect(await ask(id, 'resume')).toMatchObject({ status: 402, body: { code: 'card_declined' } })
    expect(await read(id)).toMatchObject({ status: 'paused', has_access: false })
    await product.stripe.changeCard(stripeId, cards.good)
    expect(await ask(id, 'resume')).toMatchObject({ status: 200, body: { status: 'active' } })
    expect(await findFlaws(product)).toEqual([])
  })
})
