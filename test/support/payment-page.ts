import type { Page } from 'playwright-core'

/** What a customer does on Stripe's payment page, in a browser. */
export async function typeCard(page: Page, card: string): Promise<void> {
  await page.getByLabel('Card number').fill(card)
  await page.getByLabel('Expiry').fill('12 / 34')
  await page.getByLabel('CVC').fill('123')
  await page.getByLabel('Name on card').fill('Ana Souza')
}

/** Presses the page's one button of that name and waits for what comes. */
export async function press(page: Page, button: string | RegExp): Promise<void> {
  await Promise.all([page.waitForLoadState('load'), page.getByRole('button', { name: button }).click()])
}
