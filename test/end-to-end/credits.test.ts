import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckoutClient } from '../support/checkout-client.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { later, makeClock } from '../support/test-clock.ts'

let product: Product
let client: CheckoutClient
let projectId: string

beforeAll(async () => {
  product = await joinProduct()
  ;({ client, projectId } = await product.registerProject({
    products: [{ id: 'pack', name: 'Credits', amount: 2_500, currency: 'brl', credits: 5_000_000 }],
  }))
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'

interface Wallet {
  balance: number
  lots: { kind: string; remaining: number; expires_at: string | null }[]
  auto_top_up: { stopped: string | null } | null
}
const walletOf = async (userId: string) =>
  (await client.call('GET', `/api/v1/wallets/${userId}`)).body as unknown as Wallet
const told = (userId: string, type: string) =>
  product.events.typesOf(projectId, userId).filter((one) => one === type).length
async function ask(userId: string, action: string, body: object): Promise<Wallet> {
  const method = action === 'settings' ? 'PUT' : 'POST'
  const answer = await client.call(method, `/api/v1/wallets/${userId}/${action}`, { body })
  if (answer.status !== 200) throw new Error(`${action}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body as unknown as Wallet
}
async function buyPack(userId: string, test_clock_id?: string): Promise<void> {
  const payment = await client.openPayment({
    user_id: userId,
    product_id: 'pack',
    ...(test_clock_id !== undefined && { test_clock_id }),
  })
  expect(payment.payment_type).toBe('credits')
  await product.stripe.pay(payment.checkout_session_id)
}
const holds = (userId: string, balance: number) =>
  eventually(`${userId} holds ${balance}`, async () => (await walletOf(userId)).balance === balance)

describe('credits on a test clock', () => {
  it('are bought, granted and spent, and expire when their day comes', async () => {
    const user = 'on-a-clock'
    const clock = await makeClock({ client, stripe: product.stripe }, start)
    await buyPack(user, clock.clockId)
    await holds(user, 5_000_000)
    const grant = (grant_id: string, amount: number, days: number) =>
      ask(user, 'grant', {
        grant_id,
        amount,
        kind: 'promotion',
        reason: 'A campaign',
        expires_at: later(start, days),
      })
    await grant('short', 2_000_000, 10)
    await grant('long', 1_000_000, 40)
    await ask(user, 'consume', { amount: 500_000, usage_id: 'call-1' })
    expect((await walletOf(user)).lots.map(({ remaining }) => remaining)).toEqual([
      1_500_000, 1_000_000, 5_000_000,
    ])

    await clock.advanceTo(later(start, 9))
    expect((await walletOf(user)).balance).toBe(7_500_000)
    await clock.advanceTo(later(start, 11))
    const { body } = await client.call('GET', `/api/v1/wallets/${user}/transactions?limit=1`)
    expect(body.data).toMatchObject([
      { kind: 'expiry', amount: -1_500_000, balance_after: 6_000_000, occurred_at: later(start, 10) },
    ])
    // Whoever comes after the first run has ended starts the next.
    await clock.advanceTo(later(start, 41))
    await grant('again', 300_000, 50)
    await clock.advanceTo(later(start, 60))
    expect(await walletOf(user)).toMatchObject({ balance: 5_000_000, lots: [{ kind: 'purchase' }] })
    await eventually('all is told', () => told(user, 'credits.expired') === 3)
    expect(told(user, 'credits.purchased')).toBe(1)
  })
})

describe('a wallet that buys by itself', () => {
  it('charges the saved card when it runs low, and stops at a decline', async () => {
    const user = 'tops-up'
    await buyPack(user)
    await holds(user, 5_000_000)
    const saved = await client.call('POST', `/api/v1/customers/${user}/payment-methods`, {
      body: { payment_method_id: 'pm_card_visa' },
    })
    const card = String(saved.body.payment_method_id)
    const auto_top_up = { product_id: 'pack', threshold: 1_000_000, max_per_day: 5 }
    await ask(user, 'settings', { low_balance_threshold: 2_000_000, auto_top_up })

    await ask(user, 'consume', { amount: 4_500_000, usage_id: 'call-1' })
    await holds(user, 5_500_000)
    await eventually('it is told', () => told(user, 'credits.purchased') === 2)
    expect(told(user, 'credits.low_balance')).toBe(1)
    expect(told(user, 'payment.succeeded')).toBe(2)

    await product.stripe.replaceCard(card, cards.chargeDeclined)
    await ask(user, 'consume', { amount: 5_000_000, usage_id: 'call-2' })
    await eventually('it is told', () => told(user, 'credits.top_up_failed') === 1)
    expect((await walletOf(user)).auto_top_up?.stopped).toBe('generic_decline')
    await ask(user, 'consume', { amount: 100_000, usage_id: 'call-3' })

    // Paying by hand shows that there is money again.
    await buyPack(user)
    await holds(user, 5_400_000)
    expect((await walletOf(user)).auto_top_up?.stopped).toBeNull()
    expect(await findFlaws(product)).toEqual([])
  })
})
