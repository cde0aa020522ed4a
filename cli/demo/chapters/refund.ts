import type { Subscription } from '../shop.ts'
import { type Chapter, mustBe } from '../stage.ts'
import { describeAccess, describeMoney } from '../words.ts'

interface Refund {
  refund_id: string
  status: string
  amount: number
  currency: string
}

export const refund: Chapter = {
  title: 'Money that goes back',
  async play({ screen, events, subscribe, api, tellTimeline, tellPlaces }) {
    await screen.say('Fred buys Pro, and finds that it is not for him. Half of it is given back first.')
    const fred = await subscribe('fred', 'pro')
    const { payment_id } = (await fred.read()) as Subscription & { payment_id: string }
    const half = await screen.during(
      'refunding a half',
      api.post<Refund>('/refunds', { payment_id, amount: 4_950, reason: 'He did not like it.' }),
    )
    await events.until('fred', 'payment.refunded')
    mustBe('the refund', half.status, 'succeeded')
    screen.result(
      `${describeMoney(half.amount, half.currency)} is on its way. Nobody can refund it a second time.`,
    )

    await screen.say('Then the rest, and with it his subscription ends.')
    const rest = await screen.during(
      'refunding the rest',
      api.post<Refund>('/refunds', { payment_id, subscription: 'cancel' }),
    )
    await events.until('fred', 'subscription.canceled')
    mustBe('what was left', rest.amount, 4_950)
    screen.result(`Fred ${describeAccess(await fred.read())}, and has all of his money back.`)
    await tellTimeline(fred)
    await tellPlaces(fred)
  },
}
