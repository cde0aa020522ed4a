import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runs, seed } from '../support/effort.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'
import { chargesAfterEnd, runRound } from '../support/race-round.ts'
import { type Racer, raceNames } from '../support/races.ts'
import { createRandom } from '../support/random.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

// A few of each race here; `npm run races -- --race NAME --runs 500 --seed S` runs more of one.
const names = raceNames.filter((name) => (process.env.QUITTANCE_RACE ?? name) === name)
const RUNS = runs(2)
/** More at once would only wait for each other. */
const AT_ONCE = 84

describe('races', { timeout: 600_000 }, () => {
  it('charge once at most, not at all after the end, and leave what Stripe shows, whoever comes first', async () => {
    const perRound = Math.min(RUNS, Math.floor(AT_ONCE / names.length))
    const flaws: string[] = []
    const racers: Racer[] = []
    const tally: Record<string, number> = {}
    let span_ms = 2_500
    for (let done = 0, round = 0; done < RUNS; done += perRound, round += 1) {
      const random = createRandom(seed + round)
      const count = Math.min(perRound, RUNS - done)
      const played = await runRound(product, { names, count, prefix: `round-${round}`, span_ms, random })
      for (const [outcome, times] of Object.entries(played.tally))
        tally[outcome] = (tally[outcome] ?? 0) + times
      flaws.push(...played.flaws)
      racers.push(...played.racers)
      span_ms = Math.min(played.took_ms[1] ?? 0, 10_000)
      console.log(
        `seed ${seed}, round ${round}: ${count} of each in ${played.took_ms.join(' + ')} ms, ${played.flaws.length} flaws, Stripe ${JSON.stringify(played.weather)}`,
      )
      if (flaws.length > 0) break
    }
    const outcomes = Object.entries(tally).map(([outcome, times]) => `${outcome} ${times}`)
    console.log(outcomes.toSorted().join('\n'))
    flaws.push(
      ...(await chargesAfterEnd(product, racers)),
      ...(await findFlaws(product, { webhooksLost: true })),
    )
    expect(flaws, `seed ${seed}`).toEqual([])
  })
})
