import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { advance, saveCard } from './support/clock-session.ts'
import { payments } from './support/payments.ts'
import { idOf, localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('the balance', () => {
  let local: LocalStripe
  let stripe: Stripe
  beforeEach(async () => {
    local = await startLocalStripe()
    stripe = sdkFor(local.url)
  })
  afterEach(() => local.close())

  const scene = payments(() => stripe)
  const payOut = (given: object) => localCalls(local.url).control('payouts', given)
  const balance = async () => {
    const { available, pending } = await stripe.balance.retrieve()
    return { available: available[0]?.amount, pending: pending[0]?.amount }
  }
  const allTransactions = async (params: Stripe.BalanceTransactionListParams = {}) =>
    stripe.balanceTransactions.list({ limit: 2, ...params }).autoPagingToArray({ limit: 100 })

  it('is the sum of its transactions', async () => {
    const { charge } = await scene.pay(10_000)
    await stripe.refunds.create({ charge, amount: 1000 })
    await scene.pay(5000, { card: 'pm_card_createDispute' })
    const transactions = await allTransactions()
    expect(transactions.map(({ type, net }) => [type, net])).toEqual([
      ['adjustment', -5000 - 5500],
      ['charge', 5000 - 175],
      ['refund', -1000],
      ['charge', 10_000 - 320],
    ])
    expect(transactions.every(({ amount, fee, net }) => net === amount - fee)).toBe(true)
    const total = transactions.reduce((sum, { net }) => sum + net, 0)
    expect(await balance()).toEqual({ available: 0, pending: total })
    expect(await allTransactions({ type: 'refund', currency: 'brl' })).toHaveLength(1)
    expect(await allTransactions({ source: charge })).toHaveLength(1)
    expect(await allTransactions({ currency: 'usd' })).toHaveLength(0)
  })

  it('is available after a week, by the clock of the customer', async () => {
    const frozen_time = Date.parse('2027-01-31T10:00:00Z') / 1000
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time })
    const customer = (await stripe.customers.create({ test_clock: clock.id })).id
    const card = await saveCard(stripe, customer, 'pm_card_visa')
    await scene.pay(10_000, { card, customer })
    const [transaction] = await allTransactions()
    expect(transaction).toMatchObject({
      created: frozen_time,
      available_on: Date.parse('2027-02-07T00:00:00Z') / 1000,
      status: 'pending',
    })
    await advance(stripe, clock.id, frozen_time + 8 * 24 * 60 * 60)
    expect(await allTransactions()).toMatchObject([{ status: 'available' }])
    expect(await balance()).toEqual({ available: 9680, pending: 0 })
  })

  it('is paid out, and each transaction tells with which payout', async () => {
    await scene.pay(10_000, { card: 'pm_card_bypassPending' })
    await scene.pay(3000)
    expect(await payOut({ currency: 'brl' })).toMatchObject({ amount: 9680, status: 'paid' })
    const [payout] = (await stripe.payouts.list({ status: 'paid' })).data
    const inIt = await allTransactions({ payout: idOf(payout) })
    expect(inIt.map(({ type, amount }) => [type, amount])).toEqual([
      ['payout', -9680],
      ['charge', 10_000],
    ])
    expect(await balance()).toEqual({ available: 0, pending: 3000 - 117 })
    await expect(payOut({})).rejects.toThrow('nothing to pay out')
    expect(await payOut({ include_pending: true })).toMatchObject({ amount: 3000 - 117 })
    expect(await scene.eventTypes(['payout.*'])).toEqual([
      'payout.created',
      'payout.paid',
      'payout.created',
      'payout.paid',
    ])
  })
})
