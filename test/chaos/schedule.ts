/** What happens in one fault run: made from a seed alone, so that it can be told, run again and made smaller. */

import { createRandom } from '../support/random.ts'

export const operations = [
  'buys a book',
  'buys credits',
  'subscribes',
  'leaves the payment page open',
  'uses credits',
  'is granted credits',
  'has credits topped up',
  'loses the card',
  'gets a good card again',
  'saves another card',
  'changes the plan',
  'cancels',
  'resumes',
  'pauses',
  'asks to charge the card',
  'pays an invoice by hand',
  'cancels in the dashboard',
  'asks for a refund',
  'asks for the refund of an invoice',
  'is refunded in the dashboard',
  'disputes a charge',
  'has a dispute decided',
  'has refunds looked at first',
  'has a refund decided',
  'has another dunning policy',
  'has an operator retry',
  'has an operator skip',
] as const
export type Operation = (typeof operations)[number]

export const faults = [
  'the worker is killed',
  'the worker is frozen',
  'the API is killed',
  'Postgres is restarted',
  'Kafka is restarted',
  'Temporal is restarted',
  'Stripe is too busy',
  'Stripe fails',
  'Stripe is slow',
  'answers of Stripe are lost after the effect',
  'webhooks come twice',
  'webhooks come out of order',
  'webhooks come late',
  'webhooks are lost',
] as const
export type Fault = (typeof faults)[number]

/** Those of one step happen at once. What is left to chance in them is decided by `chance`, from 0 to 1. */
export type Happening = { step: number; chance: number } & (
  | { project: number; user: number; operation: Operation }
  | { project: number; days: number }
  /** It begins with its step. */
  | { fault: Fault; lasts_ms: number }
)

export interface Schedule {
  seed: number
  happenings: Happening[]
}

/** How often each is drawn. */
const weights: Record<Operation, number> = {
  'buys a book': 5,
  'buys credits': 3,
  subscribes: 4,
  'leaves the payment page open': 1,
  'uses credits': 3,
  'is granted credits': 1,
  'has credits topped up': 2,
  'loses the card': 5,
  'gets a good card again': 4,
  'saves another card': 2,
  'changes the plan': 6,
  cancels: 3,
  resumes: 2,
  pauses: 2,
  'asks to charge the card': 2,
  'pays an invoice by hand': 2,
  'cancels in the dashboard': 1,
  'asks for a refund': 4,
  'asks for the refund of an invoice': 2,
  'is refunded in the dashboard': 2,
  'disputes a charge': 2,
  'has a dispute decided': 2,
  'has refunds looked at first': 1,
  'has a refund decided': 2,
  'has another dunning policy': 2,
  'has an operator retry': 2,
  'has an operator skip': 1,
}
/** Each as often as its weight says. */
export const drawn = operations.flatMap((operation) =>
  Array.from({ length: weights[operation] }, () => operation),
)

/** Somebody must have something before anything can happen to it. */
export const purchases = ['subscribes', 'subscribes', 'subscribes', 'buys a book', 'buys credits'] as const

/** 20 to 60 operations of two or three projects, each on a clock of its own, under 3 to 8 faults. */
export function makeSchedule(seed: number): Schedule {
  const random = createRandom(seed)
  const upTo = (count: number) => Math.floor(random() * count)
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[upTo(items.length)] ?? items[0]
  const happenings: Happening[] = []
  const projects = 2 + upTo(2)
  const users = 2 + upTo(2)
  const count = 20 + upTo(41)

  let step = 0
  for (let one = 0; one < projects * users; one += 1)
    happenings.push({
      step,
      project: one % projects,
      user: Math.floor(one / projects),
      operation: pick(purchases),
      chance: random(),
    })
  for (let made = projects * users; made < count; step += random() < 0.65 ? 1 : 0) {
    const project = upTo(projects)
    if (random() < 0.3) {
      // A month, so that renewals fall due, and the days between the retries of one that fails.
      happenings.push({
        step: (step += 1),
        project,
        days: pick([1, 2, 3, 4, 7, 20, 31, 31]),
        chance: random(),
      })
      step += 1
    }
    const operation = drawn[upTo(drawn.length)] ?? 'buys a book'
    happenings.push({ step, project, user: upTo(users), operation, chance: random() })
    made += 1
    // It matters when the next renewal falls due.
    if (operation !== 'loses the card' || random() < 0.5) continue
    happenings.push({ step: (step += 1), project, days: 31, chance: random() })
    step += 1
  }
  for (let left = 3 + upTo(6); left > 0; left -= 1)
    happenings.push({
      step: upTo(step),
      fault: pick(faults),
      lasts_ms: Math.round(300 + random() * 3_000),
      chance: random(),
    })
  return { seed, happenings: happenings.toSorted((a, b) => a.step - b.step) }
}

/** One line for a person. */
export function describe(happening: Happening): string {
  const { step } = happening
  if ('fault' in happening) return `${step}: ${happening.fault}, for ${happening.lasts_ms} ms`
  if ('days' in happening) return `${step}: ${happening.days} days pass in project ${happening.project}`
  return `${step}: user ${happening.user} of project ${happening.project} ${happening.operation}`
}
