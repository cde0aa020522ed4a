import type { Product } from '../support/product.ts'
import { changesByRepeats } from './changes-by-repeats.ts'
import { chargesAfterEnd } from './charges-after-end.ts'
import { flawsOfAccess } from './flaws-of-access.ts'
import { flawsOfCredits } from './flaws-of-credits.ts'
import { flawsOfDunning } from './flaws-of-dunning.ts'
import { reachOfOthers } from './reach-of-others.ts'
import { ask, type PlayedProject } from './world.ts'

/** Looks for broken invariants when all has come to rest, beyond those that `findFlaws` knows.
 *  @param readsAtMost how many objects are asked for by projects that do not own them; each by each when left out
 *  @returns a sentence for each, with its number and its objects. */
export async function findBroken(
  product: Product,
  projects: PlayedProject[],
  { readsAtMost = Infinity }: { readsAtMost?: number } = {},
): Promise<string[]> {
  const seen = await Promise.all([
    named('I2', unevenBooks(projects)),
    flawsOfCredits(product, projects),
    named('I4', chargesAfterEnd(product, projects)),
    named('I9', flawsOfDunning(product, projects)),
    named('I9', flawsOfAccess(product, projects)),
  ])
  // These do something, each to books that must not change.
  const repeated = await named('I6', changesByRepeats(product))
  const reached = await named('I10', reachOfOthers(product, projects, readsAtMost))
  return [...seen.flat(), ...repeated, ...reached]
}

const named = async (invariant: string, flaws: Promise<string[]>) =>
  (await flaws).map((flaw) => `${invariant}: ${flaw}`)

/** The debits of each currency are its credits, as the API shows the accounts. */
async function unevenBooks(projects: PlayedProject[]): Promise<string[]> {
  const flaws: string[] = []
  for (const { client, projectId } of projects) {
    const { body } = await ask(client, 'GET', '/api/v1/ledger/accounts')
    const sums = new Map<string, number>()
    for (const { currency, normal_side, balance } of body.data as {
      currency: string
      normal_side: 'debit' | 'credit'
      balance: number
    }[])
      sums.set(currency, (sums.get(currency) ?? 0) + (normal_side === 'debit' ? balance : -balance))
    for (const [currency, sum] of sums)
      if (sum !== 0) flaws.push(`the accounts of ${projectId} differ by ${sum} ${currency}`)
  }
  return flaws
}
