import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { cards } from '../support/local-stripe.ts'
import { press, typeCard } from '../support/payment-page.ts'
import { type Product, startProduct } from '../support/product.ts'
import { openShop, type Shop } from '../support/shop.ts'

let product: Product
let browser: Browser
let shop: Shop

beforeAll(async () => {
  ;[product, browser, shop] = await Promise.all([startProduct(), openBrowser(), openShop()])
})
afterAll(async () => {
  await Promise.all([product.end(), browser.close(), shop.close()])
})

async function openPage(url: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  return page
}

describe('a customer with a browser', () => {
  it('buys a product once', async () => {
    const { client } = product
    const payment = await client.openPayment({
      ...shop.returnUrls,
      user_id: 'ana',
      product_id: 'book',
      email: 'ana@shop.test',
    })
    const page = await openPage(payment.checkout_url)
    await typeCard(page, cards.good)
    await press(page, /^Pay/)
    await page.waitForURL(shop.thanks)
    expect(await client.paymentBecomes(payment.payment_id, 'succeeded')).toMatchObject({
      amount: 4_900,
      amount_received: 4_900,
    })
  })
})
