import { describe, expect, it } from 'vitest'
import { failedRenewal, ordersOf, showsFailure } from '../support/failed-renewal.ts'
import { cycle, live, liveOn, seenIn } from './subscription-lives.ts'

// All 720 orders of the six events of a failed renewal and its recovery, each event coming twice. An event tells of what has
// happened, so whoever looks sees at least as much as the latest that has come.

const orders = ordersOf([0, 1, 2, 3, 4, 5])
const moments = failedRenewal(seenIn(2), cycle(2, 'paid'))
const { life: sold } = live(seenIn(1))

/** What each look of an order shows. */
const looksOf = (order: number[]) =>
  order
    .map((_moment, index) => Math.max(...order.slice(0, index + 1)))
    .flatMap((reached) => [reached, reached])
const shown = (looks: number[]) => looks.flatMap((moment) => moments.slice(moment, moment + 1))

describe('the 720 orders of the events of a failed renewal and its recovery', () => {
  it('are 720', () => {
    expect(new Set(orders.map(String)).size).toBe(720)
  })

  it('lead to one end, with the money entered once', () => {
    const ends = orders.map((order) => {
      const { status, story, life } = liveOn(sold, ...shown(looksOf(order)))
      const money = story.filter((line) => line.endsWith('in_2'))
      const { revision: _counted, ...known } = life.known
      return JSON.stringify({ status, known, entered: money.length, owed: life.known.openCases })
    })
    expect(new Set(ends).size).toBe(1)
    expect(JSON.parse(ends[0] ?? '')).toMatchObject({ status: 'active', entered: 1, owed: 0 })
  })

  it('tell the failure and the recovery once each if anybody looked while it lasted, and a renewal otherwise', () => {
    for (const order of orders) {
      const looks = looksOf(order)
      const { story } = liveOn(sold, ...shown(looks))
      const opened = looks.some((moment) => moment < 2) ? ['updated'] : []
      expect({ order, story }).toEqual({
        order,
        story: looks.some(showsFailure)
          ? [...opened, 'payment_failed', 'recovered in_2']
          : [...opened, 'renewed in_2'],
      })
    }
  })

  it('tell one story when the failure has been noticed before any of them comes', () => {
    const { life: behind } = liveOn(sold, ...shown([2]))
    const stories = orders.map((order) => {
      const looks = looksOf(order).map((moment) => Math.max(moment, 2))
      return liveOn(behind, ...shown(looks)).story.join(', ')
    })
    expect([...new Set(stories)]).toEqual(['recovered in_2'])
  })
})
