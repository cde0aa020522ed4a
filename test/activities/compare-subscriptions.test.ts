import { afterAll, beforeAll, expect, it } from 'vitest'
import { compareSubscriptions } from '../../activities/reconcile/compare-subscriptions.ts'
import type { SubscriptionOnBooks } from '../../domain/provider-books.ts'
import { createScriptedBooks } from '../support/scripted-books.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { createStage, DAY, sell } from './sold.ts'

let seeded: Seeded
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())

it('finds no difference while a renewal is under way, and one when it should long be over', async () => {
  const projectId = await seedProject(seeded)
  const sold = await sell(createStage(seeded), seeded, projectId)
  const dependencies = {
    database: seeded.connections.application,
    system: seeded.connections.system,
    books: createScriptedBooks().books,
    tellOwner: async () => {},
    livemode: false,
  }
  const compare = async (endedAt: number, item: Partial<SubscriptionOnBooks>) => {
    await sold.look(1, { currentPeriodEnd: endedAt })
    const { priceId, quantity } = sold.snapshot(1)
    const { findings } = await compareSubscriptions(dependencies, [
      {
        id: sold.subject.stripeSubscriptionId,
        claim: { projectId, subscriptionId: sold.subscriptionId, paymentId: sold.subject.paymentId },
        status: 'active',
        priceId,
        quantity,
        currentPeriodStart: endedAt,
        currentPeriodEnd: endedAt + 30 * DAY,
        cancelAtPeriodEnd: false,
        ...item,
      },
    ])
    return findings.map(({ kind }) => kind)
  }
  const now = Math.floor(Date.now() / 1000) * 1000
  // Also one that begins on the terms of a planned change.
  expect(await compare(now, { priceId: 'price_planned', quantity: 3 })).toEqual([])
  expect(await compare(now, { currentPeriodStart: now - DAY })).toContain('subscription_period_differs')
  expect(await compare(now - 2 * DAY, {})).toContain('subscription_period_differs')
})
