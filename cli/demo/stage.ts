import type { Api } from './api.ts'
import type { Events } from './events.ts'
import { DemoFailure } from './failure.ts'
import type { LocalStripe } from './local-stripe.ts'
import { placesOf } from './places.ts'
import type { Screen } from './screen.ts'
import { type Customer, type Project, type Subscription, welcomeCustomer } from './shop.ts'
import type { Stack } from './stack.ts'
import { describeMoney, describeTime } from './words.ts'

/** What a chapter plays with. */
export interface Stage {
  screen: Screen
  events: Events
  /** As the project's backend calls it. */
  api: Api
  /** A customer nobody has seen before. */
  welcome: (userId: string) => Promise<Customer>
  /** A customer who has just bought a plan. */
  subscribe: (userId: string, planId: string) => Promise<Customer>
  /** Moves the customer's clock, shown as it goes. */
  advance: (customer: Customer, time: string) => Promise<void>
  /** Prints what was recorded about a subscription, and why. */
  tellTimeline: (customer: Customer) => Promise<void>
  /** Prints where to look at it. */
  tellPlaces: (customer: Customer) => Promise<void>
}

export interface Chapter {
  title: string
  play: (stage: Stage) => Promise<void>
}

export function createStage(parts: {
  stack: Stack
  project: Project
  api: Api
  stripe: LocalStripe
  screen: Screen
  events: Events
}): Stage {
  const { stack, project, api, stripe, screen, events } = parts
  // Mails of earlier runs lie in the same box.
  const run = project.projectId.slice(-6)
  const welcome = (userId: string) =>
    welcomeCustomer({ api, stripe }, { userId, email: `${userId}.${run}@example.com` })
  return {
    screen,
    events,
    api,
    welcome,
    async subscribe(userId, planId) {
      const buy = async () => {
        const customer = await welcome(userId)
        await customer.pay(await customer.startCheckout(planId))
        return customer
      }
      return screen.during(`${userId} buys ${planId}`, buy())
    },
    advance: (customer, time) =>
      screen.during(`moving the clock to ${describeTime(time)}`, customer.advanceTo(time)),
    async tellTimeline(customer) {
      const entries = await customer.timeline()
      screen.heading('Recorded, and why:')
      for (const { at, what, why, by, amount, currency } of entries) {
        const sum =
          amount !== undefined && currency !== undefined ? ` (${describeMoney(amount, currency)})` : ''
        screen.line('record', `${describeTime(at)}  ${what.padEnd(28)} ${why}${sum} [${by}]`)
      }
    },
    async tellPlaces(customer) {
      screen.heading('Where to look:')
      for (const place of placesOf(stack, customer, await customer.read())) screen.line('link', place)
    },
  }
}

/** The demo tells only what is so.
 *  @throws DemoFailure when it is not. */
export function mustBe(what: string, found: unknown, expected: unknown): void {
  if (found !== expected)
    throw new DemoFailure(
      `This is not as it should be: ${what} is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}.`,
    )
}

/** @throws DemoFailure when no invoice of the subscription is or was unpaid. */
export function caseOf({ subscription_id: id, dunning }: Subscription): NonNullable<Subscription['dunning']> {
  if (!dunning) throw new DemoFailure(`No dunning case was opened for ${id}.`)
  return dunning
}
