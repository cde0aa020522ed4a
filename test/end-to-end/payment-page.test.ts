import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { press, typeCard } from '../support/payment-page.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { openShop, type Shop } from '../support/shop.ts'

let product: Product
let browser: Browser
let shop: Shop

beforeAll(async () => {
  ;[product, browser, shop] = await Promise.all([joinProduct(), openBrowser(), openShop()])
})
afterAll(async () => {
  await Promise.all([product.end(), browser.close(), shop.close()])
})

/** A user of their own for each test, with the payment page of what they buy. */
async function beginCheckout(userId: string, purchase: object) {
  const { client } = product
  const { returnUrls } = shop
  const email = `${userId}@shop.test`
  const payment = await client.openPayment({ ...returnUrls, user_id: userId, email, ...purchase })
  const page = await browser.newPage()
  await page.goto(payment.checkout_url)
  return { paymentId: payment.payment_id, sessionId: payment.checkout_session_id, page }
}

/** Waits until Kafka has told as many events of a user, and answers their types per topic's order. */
async function eventsOf(userId: string, count: number): Promise<string[]> {
  const { events, projectId } = product
  const types = await eventually(`${count} events of ${userId}`, () => {
    const told = events.typesOf(projectId, userId)
    return told.length >= count && told
  })
  return types.toSorted()
}

const pageText = (page: Page) => page.locator('body').innerText()

describe('a customer with a browser', () => {
  it('buys a product once, after a declined card', async () => {
    const { client } = product
    const { paymentId, page } = await beginCheckout('ana', { product_id: 'book' })
    expect(await pageText(page)).toMatch(/Annual report[\s\S]*R\$\s?49[.,]00/)

    await typeCard(page, cards.declined)
    await press(page, /^Pay/)
    expect(await page.getByRole('alert').innerText()).toMatch(/card was declined/)
    await eventually('the attempt is a row', async () => (await client.attempts(paymentId)).length === 1)
    expect(await client.payment(paymentId)).toMatchObject({ status: 'pending', amount_received: 0 })

    await typeCard(page, cards.good)
    await press(page, /^Pay/)
    await page.waitForURL(shop.thanks)
    expect(await client.paymentBecomes(paymentId, 'succeeded')).toMatchObject({ amount_received: 4_900 })
    expect(await client.attempts(paymentId)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ outcome: 'failed', decline_code: 'generic_decline' }),
        expect.objectContaining({ outcome: 'succeeded' }),
      ]),
    )
    expect(await eventsOf('ana', 2)).toEqual(['payment.created', 'payment.succeeded'])
  })

  it('subscribes with a card that asks for 3-D Secure, and holds the roles of the plan', async () => {
    const { client } = product
    const { paymentId, page } = await beginCheckout('bia', { plan_id: 'team' })
    expect(await pageText(page)).toMatch(/Subscribe to Team/)

    await typeCard(page, cards.threeDSecure)
    await press(page, 'Subscribe')
    expect(await pageText(page)).toMatch(/3-D Secure/)
    await press(page, 'Complete')
    await page.waitForURL(shop.thanks)

    const payment = await client.paymentBecomes(paymentId, 'succeeded')
    const access = await client.rolesBecome('bia', ['pro', 'team'])
    expect(access).toMatchObject({
      has_access: true,
      subscriptions: [{ subscription_id: payment.subscription_id, status: 'active' }],
    })
    expect(await eventsOf('bia', 6)).toEqual([
      'entitlement.role_granted',
      'entitlement.role_granted',
      'payment.created',
      'payment.succeeded',
      'subscription.activated',
      'subscription.created',
    ])
  })

  it('fails the 3-D Secure of a one-time payment, and tries another card', async () => {
    const { client } = product
    const { paymentId, page } = await beginCheckout('caio', {
      amount: 1_500,
      currency: 'brl',
      description: 'Tip',
    })
    await typeCard(page, cards.threeDSecure)
    await press(page, /^Pay/)
    await press(page, 'Fail')
    expect(await page.getByRole('alert').innerText()).toMatch(/authenticate/)
    expect(await client.payment(paymentId)).toMatchObject({ status: 'pending' })
    await typeCard(page, cards.good)
    await press(page, /^Pay/)
    await page.waitForURL(shop.thanks)
    await client.paymentBecomes(paymentId, 'succeeded')
  })

  it('goes back to the shop, and the payment stays open until its page expires', async () => {
    const { client, stripe } = product
    const { paymentId, sessionId, page } = await beginCheckout('davi', { product_id: 'book' })
    await page.getByRole('link', { name: 'Back' }).click()
    await page.waitForURL(shop.basket)
    expect(await client.payment(paymentId)).toMatchObject({ status: 'pending' })

    await stripe.sdk.checkout.sessions.expire(sessionId)
    await client.paymentBecomes(paymentId, 'expired')
    expect(await eventsOf('davi', 2)).toEqual(['payment.created', 'payment.expired'])
    await page.goBack()
    expect(await pageText(page)).toMatch(/expired/)
  })

  it('has every card declined until the page expires, which fails the payment with the last decline code', async () => {
    const { client, stripe } = product
    const { paymentId, sessionId, page } = await beginCheckout('elis', { plan_id: 'pro' })
    for (const card of [cards.declined, cards.insufficientFunds]) {
      await typeCard(page, card)
      await press(page, 'Subscribe')
      expect(await page.getByRole('alert').innerText()).toMatch(/declined|insufficient funds/)
    }
    await stripe.sdk.checkout.sessions.expire(sessionId)
    expect(await client.paymentBecomes(paymentId, 'failed')).toMatchObject({
      failure_code: 'insufficient_funds',
      amount_received: 0,
    })
    const attempts = await client.attempts(paymentId)
    // Stripe tells whole seconds, so two attempts of one second have no order.
    expect(new Set(attempts.map(({ decline_code: code }) => code))).toEqual(
      new Set(['generic_decline', 'insufficient_funds']),
    )
    expect(await client.access('elis')).toMatchObject({ has_access: false, roles: [], subscriptions: [] })
    expect(await eventsOf('elis', 2)).toEqual(['payment.created', 'payment.failed'])
  })

  it('leaves books that agree with Stripe, and workflows that are well', async () => {
    expect(await findFlaws(product)).toEqual([])
  })
})
