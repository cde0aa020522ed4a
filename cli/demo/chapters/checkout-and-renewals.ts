import { later, start } from '../shop.ts'
import { type Chapter, mustBe } from '../stage.ts'
import { describeAccess, describeDay } from '../words.ts'

export const checkoutAndRenewals: Chapter = {
  title: 'A checkout, and three renewals',
  async play({ screen, events, welcome, advance, tellTimeline, tellPlaces }) {
    await screen.say('Ada subscribes to Pro, R$99.00 a month. The shop opens a payment page for her.')
    const ada = await screen.during('opening the page', welcome('ada'))
    const checkout = await screen.during('opening the page', ada.startCheckout('pro'))
    screen.line('link', checkout.checkout_url)
    await screen.say('She pays there with the card 4242 4242 4242 4242.')
    const bought = await screen.during('waiting for Stripe’s webhooks', ada.pay(checkout))
    await events.until('ada', 'entitlement.role_granted')
    screen.result(`Ada ${describeAccess(bought)}, paid until ${describeDay(bought.current_period_end)}.`)

    await screen.say('Three months pass at once on her test clock. Stripe renews, and our workflow follows.')
    await advance(ada, later(start, 91, 2))
    await events.until('ada', 'subscription.renewed', 3)
    const renewed = await ada.read()
    mustBe('the end of the period', renewed.current_period_end, `${start.slice(0, 4)}-08-10T12:00:00.000Z`)
    screen.result(
      `Ada ${describeAccess(renewed)}, renewed three times, paid until ${describeDay(renewed.current_period_end)}.`,
    )
    await tellTimeline(ada)
    await tellPlaces(ada)
  },
}
