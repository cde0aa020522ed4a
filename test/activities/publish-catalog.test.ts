import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPublishCatalog } from '../../activities/publish-catalog.ts'
import { inProject } from '../../db/client.ts'
import { plans, products } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { sixteenTimes } from './recorded.ts'

/** Two plans and two products. */
const ITEMS = 4

let seeded: Seeded
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
})

function setUp() {
  const scripted = createScriptedProvider()
  const publishCatalog = createPublishCatalog({
    database: seeded.connections.application,
    provider: scripted.provider,
    now: () => new Date(),
    ticker: noTicker,
  })
  return { ...scripted, publish: () => publishCatalog({ projectId }) }
}

const storedPrices = () =>
  inProject(seeded.connections.application, projectId, async (transaction) => [
    ...(await transaction.select({ price: plans.stripePriceId }).from(plans)),
    ...(await transaction.select({ price: products.stripePriceId }).from(products)),
  ]).then((rows) => rows.map(({ price }) => price))

describe('publishCatalog', () => {
  it('makes one price of each plan and product, and remembers it', async () => {
    const { publish, made } = setUp()
    expect(await publish()).toEqual({ published: ITEMS })
    expect(made.prices).toHaveLength(ITEMS)
    expect(new Set(await storedPrices())).toEqual(new Set(made.prices))
  })

  it('makes nothing when everything has its price', async () => {
    const { publish, made } = setUp()
    await publish()
    expect(await publish()).toEqual({ published: 0 })
    expect(made.prices).toHaveLength(ITEMS)
  })

  it('makes each price once when sixteen run at once', async () => {
    const { publish, made } = setUp()
    await sixteenTimes(publish)
    expect(made.prices).toHaveLength(ITEMS)
  })

  it('goes on where it was interrupted, without a second price for what it had made', async () => {
    const { publish, made, fail } = setUp()
    fail('createPrice', 'lost_answer')
    await expect(publish()).rejects.toMatchObject({ code: 'provider_unavailable' })
    fail('createPrice', 'refused_connection')
    await expect(publish()).rejects.toMatchObject({ code: 'provider_unavailable' })
    await publish()
    expect(made.prices).toHaveLength(ITEMS)
    expect(new Set(await storedPrices())).toEqual(new Set(made.prices))
  })

  it.each([
    ['stored_failure', 'provider_failed'],
    ['stored_refusal', 'provider_refused'],
  ] as const)(
    'gets past a %s that the provider replays for its key, once somebody has mended its cause',
    async (fault, code) => {
      const { publish, made, fail } = setUp()
      fail('createPrice', fault)
      await expect(publish()).rejects.toMatchObject({ code })
      await publish()
      expect(made.prices).toHaveLength(ITEMS)
    },
  )
})
