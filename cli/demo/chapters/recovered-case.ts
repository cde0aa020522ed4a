import { cards } from '../local-stripe.ts'
import { later } from '../shop.ts'
import { caseOf, type Chapter, mustBe } from '../stage.ts'
import { firstPeriodEnd } from './period.ts'
import { describeAccess, describeDay } from '../words.ts'

export const recoveredCase: Chapter = {
  title: 'A renewal that fails, and recovers',
  async play({ screen, events, subscribe, advance, tellTimeline, tellPlaces }) {
    await screen.say('Bruno buys Pro as well.')
    const bruno = await subscribe('bruno', 'pro')
    await screen.say('When his first renewal comes, there is not enough money on his card.')
    await bruno.changeCard(cards.insufficientFunds)
    await advance(bruno, later(firstPeriodEnd, 0, 2))
    await events.until('bruno', 'subscription.past_due')
    const failed = await bruno.read()
    const { failed_at: failedAt, next_retry_at: nextRetryAt, grace_until: graceUntil } = caseOf(failed)
    screen.result(
      `Bruno is ${failed.status} and still ${describeAccess(failed)} until ${describeDay(graceUntil)}. Next try: ${describeDay(nextRetryAt ?? graceUntil)}.`,
    )

    await screen.say(
      'The policy tries again 3, 5 and 7 days after the failure, and tells him a day before. The first retry is declined as well.',
    )
    await advance(bruno, later(failedAt, 3, 1))
    await events.until('bruno', 'dunning.retry_failed')

    await screen.say('He puts money on the card. The second retry collects what is owed.')
    await bruno.changeCard(cards.good)
    await advance(bruno, later(failedAt, 5, 1))
    await events.until('bruno', 'subscription.recovered')
    await advance(bruno, later(failedAt, 8))
    const recovered = await bruno.read()
    mustBe('the status of the case', caseOf(recovered).status, 'recovered')
    mustBe('the number of charges tried', caseOf(recovered).attempts.length, 3)
    screen.result(`Bruno ${describeAccess(recovered)}. There is no third retry, and no second charge.`)
    await tellTimeline(bruno)
    await tellPlaces(bruno)
  },
}
