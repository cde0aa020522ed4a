import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFollowSubscription } from '../../activities/follow-subscription.ts'
import type { CloudEvent } from '../../domain/events.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { SubscriptionSnapshot } from '../../domain/subscription.ts'
import { failedRenewal, ordersOf, showsFailure } from '../support/failed-renewal.ts'
import { groupBy } from '../support/group-by.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { expectNoGaps, recorded } from './recorded.ts'
import { createStage, sell, type Sold, soldAt, MONTH } from './sold.ts'

// All 720 orders of the six events of a failed renewal and its recovery. Some subscriptions live through them all, a period
// for each order.

const orders = ordersOf([0, 1, 2, 3, 4, 5])
/** Enough to be worked on side by side, and few enough for each to live through many periods. */
const LIVES = 40

let seeded: Seeded
beforeAll(async () => {
  seeded = await openDatabase(8)
})
afterAll(() => seeded.close())

/** @returns the revision after it. */
type Look = (sold: Sold, shown: SubscriptionSnapshot[], knownRevision: number) => Promise<number>

/** Plays each order of each life, and tells what the world was told in each period. */
async function playAll(
  all: number[][],
  play: (
    look: (shown: SubscriptionSnapshot[], knownRevision: number) => Promise<number>,
    life: { moments: SubscriptionSnapshot[]; order: number[]; revision: number },
  ) => Promise<number>,
) {
  // The order of each period of each life; period 1 is the checkout's.
  const lives = Array.from({ length: LIVES }, (_, life) =>
    all.filter((_order, index) => index % LIVES === life),
  )
  const projectId = await seedProject(seeded)
  const stage = createStage(seeded)
  const shows = new Map<string, SubscriptionSnapshot[]>()
  const follow = createFollowSubscription({
    ...stage.dependencies,
    provider: {
      ...stage.dependencies.provider,
      /** A look that is repeated sees what comes next, and the last of it from then on. */
      async readSubscription(id) {
        const [first, ...rest] = shows.get(id) ?? []
        if (!first) throw new Error('nothing is shown')
        if (rest.length > 0) shows.set(id, rest)
        return first
      },
    },
  })
  const look: Look = async ({ subject }, shown, knownRevision) => {
    shows.set(subject.stripeSubscriptionId, shown)
    const { known } = await follow({ ...subject, knownRevision })
    return known?.revision ?? 0
  }
  await Promise.all(
    lives.map(async (periods, life) => {
      const sold = await sell(stage, seeded, projectId, { userId: `user-${life}` })
      let revision = await look(sold, [sold.snapshot(1)], 0)
      for (const [index, order] of periods.entries()) {
        const period = index + 2
        const moments = failedRenewal(sold.snapshot(period), sold.invoice(period))
        revision = await play((shown, known) => look(sold, shown, known), { moments, order, revision })
      }
    }),
  )
  return storiesOf(projectId, lives)
}

/** What was told of each order: changes of the subscription and of the case, in order. */
async function storiesOf(projectId: ProjectId, lives: number[][][]) {
  const found = await recorded(seeded, projectId)
  expectNoGaps(found)
  const ofUser = groupBy(found.events, ({ messageKey }) => messageKey)
  const stories = [...ofUser.entries()].flatMap(([key, events]) => {
    const life = Number(key.split('-').at(-1))
    return (lives[life] ?? []).map((order, index) => ({
      order,
      story: events
        .filter((event) => periodOf(event) === index + 2)
        .map(({ type }) => type.replace('com.quittance.', '')),
    }))
  })
  return { all: lives.flat(), stories, found }
}

/** The period that an event is about: told by its times, or by its invoice. */
function periodOf({ data }: CloudEvent): number | undefined {
  if ('current_period_start' in data)
    return Math.round((Date.parse(data.current_period_start) - soldAt) / MONTH) + 1
  const invoiceId = 'invoice_id' in data ? data.invoice_id : undefined
  return invoiceId === undefined ? undefined : Number(invoiceId.split('_')[1])
}

const failure = [
  'subscription.past_due',
  'dunning.retry_scheduled',
  'alert.payment_failed',
  'notice.payment_failed',
]
const anotherDecline = ['dunning.retry_failed', 'alert.payment_failed', 'notice.payment_failed']
const recovery = ['notice.payment_recovered', 'subscription.recovered']
const opened = ['subscription.updated']

function expectOneEnd({ all, found }: Awaited<ReturnType<typeof playAll>>): void {
  expect(found.subscriptions).toHaveLength(LIVES)
  for (const row of found.subscriptions)
    expect(row).toMatchObject({
      status: 'active',
      graceEnded: false,
      currentPeriodStart: new Date(soldAt + (all.length / LIVES) * MONTH),
    })
  // Each order's money once, and no role came or went.
  expect(found.transfers).toHaveLength(all.length)
  expect(found.told.filter((type) => type.startsWith('entitlement.'))).toHaveLength(LIVES)
}

describe('the 720 orders of the events of a failed renewal and its recovery', { timeout: 180_000 }, () => {
  it('lead to one end, and the failure is told once if anybody looked while it lasted', async () => {
    const played = await playAll(orders, async (look, { moments, order, revision }) => {
      // An event tells of what has happened, so whoever looks sees at least as much as the latest that has come.
      let reached = 0
      for (const moment of order) {
        reached = Math.max(reached, moment)
        const shown = moments.slice(reached, reached + 1)
        revision = await look(shown, revision)
        // One of them comes twice.
        if (moment === order.length - 1) revision = await look(shown, revision)
      }
      return revision
    })
    expectOneEnd(played)
    for (const { order, story } of played.stories) {
      const seen = order.filter((moment, index) => moment >= Math.max(...order.slice(0, index + 1)))
      const beforePaid = seen.filter((moment) => moment < 4)
      const before = beforePaid.some((moment) => moment < 2) ? opened : []
      const failedSeen = beforePaid.filter(showsFailure)
      expect({ order, story: story }).toEqual({
        order,
        story: [
          ...before,
          ...(failedSeen.length > 0 ? failure : []),
          ...(failedSeen.length > 1 ? anotherDecline : []),
          ...(failedSeen.length > 0 ? recovery : ['subscription.renewed']),
        ],
      })
    }
  })

  it('lead to one end also where every look began before any was recorded: what was overtaken looks again', async () => {
    const everyNinth = orders.filter((_order, index) => index % 9 === 0)
    const played = await playAll(everyNinth, async (look, { moments, order, revision }) => {
      let last = revision
      for (const moment of order)
        last = await look([...moments.slice(moment, moment + 1), ...moments.slice(-1)], revision)
      return last
    })
    expectOneEnd(played)
    for (const { order, story } of played.stories) {
      const [first = 0] = order
      expect({ order, story: story }).toEqual({
        order,
        story: [
          ...(first < 2 ? opened : []),
          ...(showsFailure(first) ? [...failure, ...recovery] : ['subscription.renewed']),
        ],
      })
    }
  })
})
