import { setTimeout as sleep } from 'node:timers/promises'
import { readCursor, readLedgerBalance, sumWaiting } from '../../db/balance-transactions.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { explainWaiting, takeInNews } from './take-in.ts'

export interface ComparedBalance {
  currency: string
  /** What the account `stripe_balance` shows over all books. */
  ours: number
  /** Taken in, and not yet entered by its owner. */
  waiting: number
  stripes: number
}

/** Money moves while it is counted: only what differs by the same each time is a difference. */
const COUNTS = 3
const PAUSE_MS = 1_000

/** What Stripe holds against what all books together say. */
export async function compareBalance(
  dependencies: ReconcileDependencies,
  { begunAt }: { begunAt: Date },
): Promise<{ balances: ComparedBalance[]; findings: Finding[] }> {
  let balances: ComparedBalance[] = []
  let earlier: Map<string, number> | undefined
  for (let count = 0; count < COUNTS; count += 1) {
    if (count > 0) await sleep(PAUSE_MS)
    await takeInNews(dependencies)
    await explainWaiting(dependencies, { begunAt })
    balances = await readBoth(dependencies)
    const now = new Map(
      balances.map(({ currency, ours, waiting, stripes }) => [currency, stripes - ours - waiting]),
    )
    const before = earlier
    earlier = before && new Map([...now].map(([code, by]) => [code, before.get(code) === by ? by : 0]))
    earlier ??= now
    if ([...earlier.values()].every((by) => by === 0)) break
  }
  const cursor = await readCursor(dependencies.system, dependencies.livemode)
  // As long as the past is not all taken in, the sums cannot be equal.
  if (cursor && cursor.oldest !== null) return { balances, findings: [] }
  const steady = [...(earlier ?? [])].filter(([, by]) => by !== 0).map(([code]) => code)
  const findings = balances
    .filter(({ currency }) => steady.includes(currency))
    .map(({ currency, ours, waiting, stripes }): Finding => ({
      kind: 'balance_differs',
      stage: 'balance',
      projectId: ACCOUNT_BOOK,
      subjectId: currency,
      ours: { balance: ours, waiting },
      stripes: { balance: stripes },
    }))
  return { balances, findings }
}

async function readBoth({ system, books, livemode }: ReconcileDependencies): Promise<ComparedBalance[]> {
  const [ours, waiting, stripes] = await Promise.all([
    readLedgerBalance(system),
    sumWaiting(system, livemode),
    books.readBalance(),
  ])
  const atStripe = new Map<string, number>(
    stripes.map(({ currency, amountMinor }) => [currency, amountMinor]),
  )
  const currencies = [...new Set([...ours.keys(), ...atStripe.keys()])].toSorted()
  return currencies
    .map((currency) => ({
      currency,
      ours: ours.get(currency) ?? 0,
      waiting: waiting.get(currency) ?? 0,
      stripes: atStripe.get(currency) ?? 0,
    }))
    .filter((one) => one.ours !== 0 || one.stripes !== 0)
}
