import { afterAll, beforeAll, expect, it } from 'vitest'
import { holdToMode } from '../../db/installation.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'

let seeded: Seeded
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())

it('gives a database to one mode for ever, however many start at once', async () => {
  const start = (livemode: boolean) =>
    holdToMode(seeded.connections.system, livemode).then(
      () => 'started',
      (error: unknown) => String(error),
    )
  const answers = await Promise.all([true, false, true, false].map(start))
  const mode = answers[0] === 'started'
  expect(await start(mode)).toBe('started')
  const [ours, theirs] = mode ? ['test', 'live'] : ['live', 'test']
  const refusal = new RegExp(`STRIPE_SECRET_KEY is a ${ours} key.*books of ${theirs} mode.*DATABASE_URL`)
  expect(await start(!mode)).toMatch(refusal)
  expect(answers).toEqual([0, 1, 2, 3].map((at) => answers[at % 2]))
})
