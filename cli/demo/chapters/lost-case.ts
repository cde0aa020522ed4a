import { cards } from '../local-stripe.ts'
import { later } from '../shop.ts'
import { caseOf, type Chapter, mustBe } from '../stage.ts'
import { describeAccess } from '../words.ts'
import { firstPeriodEnd } from './period.ts'

export const lostCase: Chapter = {
  title: 'A renewal that nobody pays',
  async play({ screen, events, subscribe, advance, tellTimeline, tellPlaces }) {
    await screen.say('Clara buys Pro, and her card is empty when it is renewed, too.')
    const clara = await subscribe('clara', 'pro')
    await screen.say(
      'This time nobody puts money on it. Her clock jumps to the end of the sixth day after the failure.',
    )
    await clara.changeCard(cards.insufficientFunds)
    await advance(clara, later(firstPeriodEnd, 6, 23))
    await events.until('clara', 'dunning.retry_failed', 2)
    const lasting = await clara.read()
    const { failed_at: failedAt } = caseOf(lasting)
    mustBe('access within the grace', lasting.has_access, true)
    screen.result(
      `Two retries have failed, and Clara still ${describeAccess(lasting)}: nobody is locked out before their time.`,
    )

    await screen.say('On day 7 the last retry fails. The policy says: cancel.')
    await advance(clara, later(failedAt, 7))
    await events.until('clara', 'subscription.canceled')
    await events.until('clara', 'entitlement.role_revoked')
    const ended = await clara.read()
    mustBe('the status', ended.status, 'canceled')
    screen.result(`Clara is ${ended.status}: she ${describeAccess(ended)}, and nothing is charged any more.`)
    await tellTimeline(clara)
    await tellPlaces(clara)
  },
}
