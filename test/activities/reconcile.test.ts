import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ReconcileDependencies } from '../../activities/reconcile/dependencies.ts'
import { createReconcileActivities } from '../../activities/reconcile/index.ts'
import { explainWaiting, takeInPage } from '../../activities/reconcile/take-in.ts'
import { inProject } from '../../db/client.ts'
import { enterLedger } from '../../db/ledger.ts'
import { readBalances } from '../../db/ledger-statements.ts'
import { findReconciliation } from '../../db/reconciliations.ts'
import { ownStripeObjects } from '../../db/stripe-objects.ts'
import type { BalanceTransaction } from '../../domain/balance-transactions.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import { currency, money } from '../../domain/money.ts'
import { createScriptedBooks } from '../support/scripted-books.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'

let seeded: Seeded
let projectId: ProjectId
let scripted: ReturnType<typeof createScriptedBooks>
let dependencies: ReconcileDependencies

// A database of its own for each: the list of balance transactions is the whole installation's.
beforeEach(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  scripted = createScriptedBooks()
  dependencies = {
    database: seeded.connections.application,
    system: seeded.connections.system,
    books: scripted.books,
    tellOwner: async () => {},
    livemode: false,
  }
})

afterEach(() => seeded.close())

let counter = 0
function transaction(fields: Partial<BalanceTransaction>): BalanceTransaction {
  counter += 1
  const amount = fields.amount ?? money(10_000, currency('brl'))
  const feeMinor = fields.feeMinor ?? 0
  return {
    balanceTransactionId: `txn_${String(counter).padStart(4, '0')}`,
    type: 'charge',
    reportingCategory: 'charge',
    // Nobody of ours.
    source: { kind: 'charge', sourceId: `ch_${counter}`, amount },
    amount,
    feeMinor,
    netMinor: amount.amountMinor - feeMinor,
    createdAt: Date.parse('2027-01-01T00:00:00Z') + counter * 1000,
    availableOn: Date.parse('2027-01-08T00:00:00Z'),
    ...fields,
  }
}

async function takeInAll(): Promise<void> {
  for (let page = 0; page < 100; page += 1) if (await takeInPage(dependencies)) return
  throw new Error('the list does not end')
}

/** `account currency` to what it shows. */
async function balances(book: ProjectId): Promise<Record<string, number>> {
  const rows = await inProject(seeded.connections.application, book, (tx) => readBalances(tx, book, {}))
  return Object.fromEntries(
    rows.map(({ account, currency: code, balance }) => [`${account} ${code}`, balance]),
  )
}

/** A charge of a customer of ours, whose payment is not entered. */
async function charged(amountMinor: number, code: string) {
  const payment = await seedPayment(seeded, projectId, {
    userId: `user-${counter}`,
    buys: { amount: amountMinor },
  })
  const paymentIntentId = `pi_${payment.paymentId}`
  await inProject(seeded.connections.application, projectId, async (tx) => {
    await ownStripeObjects(tx, { projectId, ownerId: payment.paymentId, livemode: false }, [paymentIntentId])
  })
  const source = {
    kind: 'charge' as const,
    sourceId: `ch_${payment.paymentId}`,
    paymentIntentId,
    amount: money(amountMinor, currency(code)),
  }
  const enter = () =>
    inProject(seeded.connections.application, projectId, (tx) =>
      enterLedger(tx, {
        projectId,
        userId: payment.userId,
        intent: `${payment.paymentId}/succeeded`,
        paymentId: payment.paymentId,
        invoiceId: `in_${payment.paymentId}`,
        occurredAt: new Date(),
        transfers: [{ debit: 'stripe_balance', credit: 'revenue', amount: source.amount }],
      }),
    )
  // Found by its invoice, as a renewal is.
  scripted.invoicesOfPayments.set(paymentIntentId, `in_${payment.paymentId}`)
  return { source, enter }
}

const now = () => new Date(Date.now() + 1_000)
const earlier = () => new Date(Date.now() - 60_000)

describe('taking in the balance transactions', () => {
  it('reads the past page by page, then only what is new, and takes each in once', async () => {
    const before = await balances(ACCOUNT_BOOK)
    for (let index = 0; index < 5; index += 1) scripted.transactions.push(transaction({ feeMinor: 100 }))
    await takeInAll()
    const past = scripted.calls.length
    scripted.transactions.push(
      transaction({ feeMinor: 100 }),
      transaction({ feeMinor: 100 }),
      transaction({}),
    )
    await takeInAll()
    await takeInAll()
    expect(scripted.calls.slice(0, past).filter((call) => call === 'list balance transactions').length).toBe(
      3,
    )
    expect(scripted.calls.slice(past)).toEqual(Array(4).fill('list newer balance transactions'))
    const after = await balances(ACCOUNT_BOOK)
    const grown = (account: string) => (after[account] ?? 0) - (before[account] ?? 0)
    expect([grown('other_business brl'), grown('fees brl'), grown('stripe_balance brl')]).toEqual([
      80_000, 700, 79_300,
    ])
  })

  it('reads the list anew when Stripe does not know any more where it was', async () => {
    scripted.transactions.push(transaction({}), transaction({}), transaction({}))
    await takeInAll()
    const before = await balances(ACCOUNT_BOOK)
    scripted.transactions.splice(2, 1, transaction({}))
    await takeInAll()
    const after = await balances(ACCOUNT_BOOK)
    expect((after['other_business brl'] ?? 0) - (before['other_business brl'] ?? 0)).toBe(10_000)
  })

  it('moves what was settled in another currency through currency_exchange', async () => {
    const { source, enter } = await charged(10_000, 'brl')
    await enter()
    const amount = money(1_930, currency('usd'))
    scripted.transactions.push(transaction({ source, amount, feeMinor: 87, exchangeRate: 0.193 }))
    await takeInAll()
    expect(await balances(projectId)).toEqual({
      'currency_exchange brl': 10_000,
      'currency_exchange usd': -1_930,
      'fees usd': 87,
      'revenue brl': 10_000,
      'stripe_balance brl': 0,
      'stripe_balance usd': 1_843,
    })
  })

  it('holds what nobody has entered in suspense from the next run on, and lets it go once it is entered', async () => {
    const { source, enter } = await charged(10_000, 'brl')
    scripted.transactions.push(transaction({ source, feeMinor: 320 }))
    await takeInAll()
    expect(await balances(projectId)).toEqual({ 'fees brl': 320, 'stripe_balance brl': -320 })
    expect(await explainWaiting(dependencies, { begunAt: earlier() })).toEqual([])

    const findings = await explainWaiting(dependencies, { begunAt: now() })
    expect(findings).toMatchObject([
      { kind: 'balance_transaction_unexplained', projectId, stripes: { amount: 10_000, currency: 'brl' } },
    ])
    expect(await balances(projectId)).toMatchObject({
      'stripe_balance brl': 9_680,
      'unexplained brl': 10_000,
    })

    await enter()
    expect(await explainWaiting(dependencies, { begunAt: now() })).toEqual([])
    expect(await explainWaiting(dependencies, { begunAt: now() })).toEqual([])
    expect(await balances(projectId)).toEqual({
      'fees brl': 320,
      'revenue brl': 10_000,
      'stripe_balance brl': 9_680,
      'unexplained brl': 0,
    })
  })

  it('tells at once of a type that no owner explains', async () => {
    const before = await balances(ACCOUNT_BOOK)
    scripted.transactions.push(
      transaction({ type: 'reserve_transaction', amount: money(-700, currency('brl')) }),
    )
    await takeInAll()
    const [finding] = await explainWaiting(dependencies, { begunAt: earlier() })
    expect(finding).toMatchObject({ kind: 'balance_transaction_unexplained', projectId: ACCOUNT_BOOK })
    const after = await balances(ACCOUNT_BOOK)
    expect((after['unexplained brl'] ?? 0) - (before['unexplained brl'] ?? 0)).toBe(-700)
  })
})

describe('a comparison during which something is sold', () => {
  it('takes it for news, and still finds what taking in has passed by', async () => {
    scripted.transactions.push(transaction({}), transaction({}))
    await takeInAll()
    const passedBy = transaction({})
    scripted.transactions.unshift(passedBy)
    const { customers } = scripted.books
    scripted.books.customers = {
      ...customers,
      // The balance transactions have been taken in by then, and are not compared yet.
      list(cursor) {
        scripted.transactions.push(transaction({}))
        return customers.list(cursor)
      },
    }
    const { beginReconciling, reconcileStep } = createReconcileActivities(dependencies)
    const reconciliationId = 'rec_news'
    await beginReconciling({ reconciliationId, requestedBy: 'op_first' })
    while ((await reconcileStep({ reconciliationId, callsAtMost: 100 })).status === 'running');
    const found = await dependencies.system.execute<{ kind: string; id: string }>(
      `select kind, finding->>'stripeId' as id from reconciliation_differences where kind <> 'balance_differs'`,
    )
    expect([...found]).toEqual([{ kind: 'balance_transaction_missing', id: passedBy.balanceTransactionId }])
  })
})

describe('a comparison that has no more calls', () => {
  it('ends with what it has found, and the next goes on where it ended', async () => {
    for (let index = 0; index < 8; index += 1) scripted.transactions.push(transaction({}))
    scripted.setBalance([money(80_000, currency('brl'))])
    const { beginReconciling, reconcileStep } = createReconcileActivities(dependencies)
    const run = async (reconciliationId: string, callsAtMost: number) => {
      expect(await beginReconciling({ reconciliationId, requestedBy: 'op_first' })).toBe(reconciliationId)
      for (;;) {
        const progress = await reconcileStep({ reconciliationId, callsAtMost })
        if (progress.status !== 'running') return progress
      }
    }
    // As many as taking in costs and half of the walk.
    const first = await run('rec_first', 13)
    expect(first.status).toBe('out_of_calls')
    const row = await findReconciliation(dependencies.system, 'rec_first')
    expect(row?.brokenOffAt?.stage).toBe('balance_transactions')
    const before = scripted.calls.filter((call) => call === 'list balance transactions').length
    const second = await run('rec_second', 100)
    expect(second).toMatchObject({ status: 'completed', needPerson: 0 })
    const after = scripted.calls.filter((call) => call === 'list balance transactions').length
    // Of four pages the second run read those that the first had not.
    expect(after - before).toBeLessThan(4)
    const left = await dependencies.system.execute('select from reconciliation_sightings')
    expect(left.length).toBe(0)
    expect(await beginReconciling({ reconciliationId: 'rec_second', requestedBy: 'op_first' })).toBe('')
  })
})
