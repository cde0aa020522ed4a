import { later, type Preview, type Subscription } from '../shop.ts'
import { type Chapter, mustBe } from '../stage.ts'
import { describeAccess, describeDay, describeMoney } from '../words.ts'
import { firstPeriodEnd, halfOfFirstPeriod } from './period.ts'

export const planChange: Chapter = {
  title: 'An upgrade now, a downgrade at the period’s end',
  async play({ screen, events, subscribe, advance, tellTimeline, tellPlaces }) {
    await screen.say('Diego buys Pro, and half of his month passes.')
    const diego = await subscribe('diego', 'pro')
    await advance(diego, halfOfFirstPeriod)
    await screen.say(
      'He wants Enterprise, R$499.00 instead of R$99.00, with 15 of 30 days left. What would that cost?',
    )
    const upgrade = { plan_id: 'enterprise', when: 'now' }
    const preview = await diego.ask<Preview>('preview-change', upgrade)
    for (const { description, amount } of preview.lines)
      screen.line('record', `${describeMoney(amount, preview.currency).padStart(10)}  ${description}`)
    mustBe('the price of the upgrade', preview.amount_due, 20_000)
    screen.result(
      `The preview says ${describeMoney(preview.amount_due, preview.currency)}: half of the difference.`,
    )

    await screen.say('He takes it. The upgrade counts when it is paid.')
    const upgraded = await screen.during('charging', diego.ask<Subscription>('change-plan', upgrade))
    await events.until('diego', 'entitlement.role_granted', 2)
    mustBe('the plan after the upgrade', upgraded.plan_id, 'enterprise')
    screen.result(`Diego ${describeAccess(upgraded)}, with the same period as before.`)

    await screen.say('A few days later he wants Pro back: at the period’s end, because this one is paid for.')
    await advance(diego, later(halfOfFirstPeriod, 5))
    const planned = await diego.ask<Subscription>('change-plan', { plan_id: 'pro', when: 'period_end' })
    mustBe('the plan that comes next', planned.pending_change?.plan_id, 'pro')
    screen.result(
      `Nothing changes until ${describeDay(planned.pending_change?.at ?? firstPeriodEnd)}; then Pro begins.`,
    )
    await advance(diego, later(firstPeriodEnd, 0, 2))
    await events.until('diego', 'entitlement.role_revoked')
    const renewed = await diego.read()
    mustBe('the plan of the new period', renewed.plan_id, 'pro')
    screen.result(`The new period is one of Pro: Diego ${describeAccess(renewed)}.`)
    await tellTimeline(diego)
    await tellPlaces(diego)
  },
}
