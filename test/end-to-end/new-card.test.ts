import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { press, typeCard } from '../support/payment-page.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { openShop, type Shop } from '../support/shop.ts'
import {
  type CaseShown,
  later,
  makeClock,
  type PlayedClock,
  type SubscriptionShown,
} from '../support/test-clock.ts'

let product: Product
let browser: Browser
let shop: Shop

beforeAll(async () => {
  ;[product, browser, shop] = await Promise.all([joinProduct(), openBrowser(), openShop()])
})
afterAll(async () => {
  await Promise.all([product.end(), browser.close(), shop.close()])
})

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:00:00.000Z'
const nextRenewal = '2027-03-10T13:00:00.000Z'

interface Card {
  payment_method_id: string
  brand: string
  last4: string
  is_default: boolean
}
interface Customer {
  userId: string
  clock: PlayedClock
  id: string
  stripeId: string
}

const read = async ({ id }: Customer): Promise<SubscriptionShown> =>
  (await product.client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown
const caseOf = async (customer: Customer): Promise<CaseShown> => {
  const { dunning } = await read(customer)
  if (!dunning) throw new Error('it has no case')
  return dunning
}
const attemptsOf = async (customer: Customer) =>
  (await caseOf(customer)).attempts.map(
    ({ trigger, outcome, at }) => `${at.slice(0, 10)} ${trigger} ${outcome}`,
  )
const told = ({ userId }: Customer, type: string) =>
  product.events.typesOf(product.projectId, userId).filter((one) => one === type).length

async function ask(userId: string, body: object, rest = ''): Promise<Record<string, unknown>> {
  const path = `/api/v1/customers/${userId}/payment-methods${rest}`
  const answer = await product.client.call('POST', path, { body })
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}
const add = async (userId: string, card: string): Promise<string> =>
  String((await ask(userId, { payment_method_id: card })).payment_method_id)
async function cardsOf({ userId }: Customer): Promise<Card[]> {
  const { body } = await product.client.call('GET', `/api/v1/customers/${userId}/payment-methods`)
  return body.data as Card[]
}

async function subscribe(userId: string): Promise<Customer> {
  const clock = await makeClock(product, start)
  const sold = await clock.subscribe(userId)
  return { userId, clock, id: sold.subscription_id, stripeId: sold.stripe_subscription_id }
}

/** A customer whose renewal has just failed. */
async function failing(userId: string, card = cards.chargeDeclined): Promise<Customer> {
  const customer = await subscribe(userId)
  await product.stripe.changeCard(customer.stripeId, card)
  await customer.clock.advanceTo(later(failure, 0, 1))
  expect(await read(customer)).toMatchObject({ status: 'past_due', has_access: true })
  return customer
}

/** The customer types a card on the page of Stripe. */
async function save({ userId }: Customer, card: string, onPage?: string): Promise<void> {
  const { setup_url: setupUrl } = await ask(userId, shop.returnUrls)
  const page = await browser.newPage()
  await page.goto(String(setupUrl))
  await typeCard(page, card)
  await press(page, 'Save card')
  if (onPage) await press(page, onPage)
  await page.waitForURL(shop.thanks)
}

const becomes = (customer: Customer, status: string) =>
  eventually(`${customer.userId} is ${status}`, async () => (await read(customer)).status === status)

/** What was charged to which card for a subscription's invoices of later periods, in order. */
async function chargesOf({ stripeId }: Customer): Promise<string[]> {
  const { customer } = await product.stripe.sdk.subscriptions.retrieve(stripeId)
  const { data } = await product.stripe.sdk.charges.list({
    customer: typeof customer === 'string' ? customer : customer.id,
    limit: 100,
  })
  return data
    .toReversed()
    .slice(1)
    .map(({ status, payment_method_details: details }) => `${details?.card?.brand} ${status}`)
}

describe('a new card for an unpaid renewal', () => {
  it('is charged at once, uses up no retry, recovers once, and is charged for what comes later', async () => {
    const customer = await failing('brings-a-card')
    expect(await attemptsOf(customer)).toEqual(['2027-02-10 renewal declined'])
    await save(customer, '5555555555554444')
    await becomes(customer, 'active')

    expect(await attemptsOf(customer)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-10 new_card succeeded',
    ])
    expect(await caseOf(customer)).toMatchObject({ status: 'recovered' })
    expect(await cardsOf(customer)).toMatchObject([
      { brand: 'mastercard', last4: '4444', is_default: true },
      { brand: 'visa', last4: '4242', is_default: false },
    ])
    const { body } = await product.client.call('GET', `/api/v1/subscriptions/${customer.id}/timeline`)
    const timeline = (body.data as { what: string }[]).map(({ what }) => what)
    expect(timeline).toContain('subscription.payment_method_changed')
    expect(timeline).not.toContain('dunning.retry')

    await customer.clock.advanceTo(later(failure, 8))
    expect(await attemptsOf(customer)).toHaveLength(2)
    await customer.clock.advanceTo(later(nextRenewal, 0, 1))
    expect(await read(customer)).toMatchObject({
      status: 'active',
      current_period_start: '2027-03-10T12:00:00.000Z',
    })
    expect(await chargesOf(customer)).toEqual(['visa failed', 'mastercard succeeded', 'mastercard succeeded'])
    await eventually('it is told', () => told(customer, 'subscription.renewed') >= 1)
    expect(told(customer, 'subscription.recovered')).toBe(1)
    expect(told(customer, 'subscription.past_due')).toBe(1)
  })

  it('may ask for 3-D Secure when it is saved', async () => {
    const customer = await failing('authenticates')
    await save(customer, '4000002500003155', 'Complete')
    await becomes(customer, 'active')
    expect(await attemptsOf(customer)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-10 new_card succeeded',
    ])
  })

  it('that is declined too leaves the schedule as it was, and is tried with the others on its days', async () => {
    const customer = await failing('no-luck')
    await save(customer, cards.chargeDeclined)
    await eventually('it is tried', async () => (await attemptsOf(customer)).length === 2)
    expect(await caseOf(customer)).toMatchObject({ status: 'open', next_retry_at: later(failure, 3) })
    await customer.clock.advanceTo(later(failure, 8))
    expect(await attemptsOf(customer)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-10 new_card declined',
      ...['13', '15', '17'].flatMap((day) => [
        `2027-02-${day} schedule declined`,
        `2027-02-${day} schedule declined`,
      ]),
    ])
    expect(await read(customer)).toMatchObject({ status: 'canceled', has_access: false })
  })

  it.each([
    ['everything', {}],
    ['one subscription', { subscription_id: 'its own' }],
  ])('may be a backup that becomes the one to charge for %s', async (what, body) => {
    const customer = await subscribe(`chooses-${what.replace(' ', '-')}`)
    await product.stripe.changeCard(customer.stripeId, cards.chargeDeclined)
    const backup = await add(customer.userId, 'pm_card_mastercard')
    await customer.clock.advanceTo(later(failure, 0, 1))
    expect(await attemptsOf(customer)).toEqual(['2027-02-10 renewal declined'])
    const chosen = 'subscription_id' in body ? { subscription_id: customer.id } : {}
    await ask(customer.userId, chosen, `/${backup}/default`)
    await becomes(customer, 'active')
    expect(await attemptsOf(customer)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-10 new_card succeeded',
    ])
  })
})

describe('a backup card', () => {
  it('pays the first retry when the bank has refused the first card for good', async () => {
    const customer = await subscribe('has-a-backup')
    await product.stripe.changeCard(customer.stripeId, '4000000000009987')
    await add(customer.userId, 'pm_card_mastercard')
    await customer.clock.advanceTo(later(failure, 0, 1))
    expect((await caseOf(customer)).attempts).toMatchObject([{ decline_code: 'lost_card' }])
    await customer.clock.advanceTo(later(failure, 2, 23))
    expect(await read(customer)).toMatchObject({ status: 'past_due' })

    await customer.clock.advanceTo(later(failure, 3))
    expect(await read(customer)).toMatchObject({ status: 'active', has_access: true })
    expect(await attemptsOf(customer)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-13 schedule succeeded',
    ])
    expect(await chargesOf(customer)).toEqual(['visa failed', 'mastercard succeeded'])
  })
})

describe('the product', () => {
  it('leaves books that agree with Stripe, and workflows that are well', async () => {
    expect(await findFlaws(product)).toEqual([])
  })
})
