import { later, start, type Subscription } from '../shop.ts'
import { type Chapter, mustBe } from '../stage.ts'
import { describeAccess, describeDay } from '../words.ts'
import { halfOfFirstPeriod } from './period.ts'

export const pause: Chapter = {
  title: 'A pause with an end',
  async play({ screen, events, subscribe, advance, tellTimeline, tellPlaces }) {
    await screen.say('Elena buys Pro, and half of her month passes.')
    const elena = await subscribe('elena', 'pro')
    await advance(elena, halfOfFirstPeriod)
    const until = later(start, 45)
    await screen.say(
      `She travels, and pauses until ${describeDay(until)}. The 15 days that she has paid for and does not use become credit.`,
    )
    const paused = await screen.during('pausing', elena.ask<Subscription>('pause', { until }))
    await events.until('elena', 'subscription.paused')
    mustBe('the status', paused.status, 'paused')
    screen.result(`Elena ${describeAccess(paused)} while she is away, and pays nothing.`)

    await screen.say('The pause ends by itself, and a new period begins, with the credit taken off.')
    await advance(elena, later(until, 0, 2))
    await events.until('elena', 'subscription.resumed')
    const resumed = await elena.read()
    mustBe('the status', resumed.status, 'active')
    screen.result(`Elena ${describeAccess(resumed)}, paid until ${describeDay(resumed.current_period_end)}.`)
    await tellTimeline(elena)
    await tellPlaces(elena)
  },
}
