import type { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../local/stripe/server.ts'
import { subscriptionChanges } from '../../providers/stripe/subscription-changes.ts'
import { subscriptions } from '../../providers/stripe/subscriptions.ts'
import { billingScenes, cardNumbers } from '../local/stripe/support/billing-scenes.ts'
import { type LocalStripe, sdkFor } from '../local/stripe/support/sdk-session.ts'

let local: LocalStripe
let stripe: Stripe
const scene = billingScenes(
  () => stripe,
  () => local,
)
beforeAll(async () => {
  local = await startLocalStripe({})
  stripe = sdkFor(local.url)
})
afterAll(() => local.close())

const seconds = (time: string) => Date.parse(time) / 1000
const HOURS = 2 * 3600

/** The ends of the periods of a monthly subscription that began on the 31st of January, with a change at the first of them. */
async function endsAfterChange(begin: string, interval: 'month' | 'year', ends: string[]): Promise<string[]> {
  const clock = await scene.clock(seconds(begin))
  const customer = await scene.customer({ test_clock: clock })
  const { id } = await scene.subscribe(3000, { customer })
  const price = await scene.price(1000, interval)
  await subscriptionChanges(stripe).changeAtPeriodEnd(
    { providerSubscriptionId: id, providerPriceId: price, quantity: 1, interval, at: Date.parse(begin) },
    `change/${id}`,
  )
  const seen: string[] = []
  for (const end of ends) {
    await scene.advance(clock, seconds(end) + HOURS)
    const [item] = (await stripe.subscriptions.retrieve(id)).items.data
    expect(item?.price.id).toBe(price)
    seen.push(new Date((item?.current_period_end ?? 0) * 1000).toISOString().slice(0, 10))
  }
  return seen
}

describe('a change of plan at the period’s end', () => {
  it.each([
    ['in February', '2027-01-31T12:00:00Z', '2027-02-28T12:00:00Z'],
    ['in February of a leap year', '2028-01-31T12:00:00Z', '2028-02-29T12:00:00Z'],
  ])('%s leaves the renewals on the 31st', async (_when, begin, change) => {
    const year = begin.slice(0, 4)
    expect(
      await endsAfterChange(begin, 'month', [change, `${year}-03-31T12:00:00Z`, `${year}-04-30T12:00:00Z`]),
    ).toEqual([`${year}-03-31`, `${year}-04-30`, `${year}-05-31`])
  })

  it('to another interval begins one on the day it comes', async () => {
    expect(await endsAfterChange('2027-01-31T12:00:00Z', 'year', ['2027-02-28T12:00:00Z'])).toEqual([
      '2028-02-28',
    ])
  })
})

describe('a resumption that is not paid', () => {
  const paused = async (card: string) => {
    const { id, customer } = await scene.subscribe(3000)
    await subscriptions(stripe).pause({ providerSubscriptionId: id, creditsUnused: false }, `pause/${id}`)
    await scene.changeCard(customer, card)
    return { id, resume: () => subscriptions(stripe).resume(id, `resume/${id}`) }
  }

  it('answers the same when it is repeated after a decline, and its invoice is void', async () => {
    const { id, resume } = await paused(cardNumbers.declined)
    expect([await resume(), await resume()]).toEqual([{ outcome: 'declined' }, { outcome: 'declined' }])
    expect(await scene.latestInvoice(id)).toMatchObject({ status: 'void' })
  })

  it('waits for the customer where the bank wants to see them', async () => {
    const { id, resume } = await paused(cardNumbers.authenticates)
    const answers = [await resume(), await resume()]
    const { id: invoiceId } = await scene.latestInvoice(id)
    const page = expect.stringContaining('http') as string
    expect(answers[0]).toMatchObject({
      outcome: 'authenticate',
      invoiceId,
      due: { amountMinor: 3000 },
      payUrl: page,
    })
    expect(answers[1]).toEqual(answers[0])
    expect(await scene.latestInvoice(id)).toMatchObject({ status: 'open' })
  })
})
