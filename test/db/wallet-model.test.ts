import * as fc from 'fast-check'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWatchWallet } from '../../activities/watch-wallet.ts'
import { inProject, type Transaction } from '../../db/client.ts'
import { consumeCredits } from '../../db/consume-credits.ts'
import { ensureCustomer } from '../../db/customers.ts'
import { enterLedger } from '../../db/ledger.ts'
import { mintId } from '../../db/mint-id.ts'
import { creditLots } from '../../db/schema/index.ts'
import { returnLot, takeBackLot } from '../../db/take-back-lot.ts'
import { insertTestClock, updateTestClock } from '../../db/test-clocks.ts'
import { addPurchase, grantCredits } from '../../db/wallet-movements.ts'
import { type HeldWallet, holdWallet, showWallet } from '../../db/wallets.ts'
import { inSpendingOrder } from '../../domain/credits.ts'
import { BillingError } from '../../domain/errors.ts'
import type { PaymentId, ProjectId } from '../../domain/ids.ts'
import { paymentTransfers, type Transfer } from '../../domain/ledger.ts'
import { RulesWallet } from '../domain/rules-wallet.ts'
import { type WalletStep, walletSteps } from '../domain/wallet-steps.ts'
import { brl } from '../support/snapshots.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'

let seeded: Seeded
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase(8)
  projectId = await seedProject(seeded)
})
afterAll(() => seeded.close())

const asked = { actor: 'key_test', correlationId: 'corr-1' }
const inTenant = <Result>(work: (transaction: Transaction) => Promise<Result>) =>
  inProject(seeded.connections.application, projectId, work)

/** A user with a clock of their own, whose wallet lives in the database. */
async function newUser(name: string) {
  const start = new Date('2030-01-01T00:00:00Z')
  const clockId = mintId('clk')
  const userId = `${name}-${clockId}`
  const owner = { projectId, userId, livemode: false }
  const row = { projectId, clockId, frozenTime: start, targetTime: start, correlationId: 'corr-1' }
  const customer = await inTenant(async (transaction) => {
    await insertTestClock(transaction, { ...row, status: 'ready' })
    return ensureCustomer(transaction, { ...owner, email: undefined, clockId })
  })
  let now = start.getTime()
  let steps = 0
  const bought: PaymentId[] = []
  const hold = <Result>(work: (held: HeldWallet) => Promise<Result>) =>
    inTenant(async (transaction) => work(await holdWallet(transaction, customer)))
  const enter = (transaction: Transaction, transfers: Transfer[]) =>
    enterLedger(transaction, {
      projectId,
      userId,
      intent: `${userId}/${steps}/money`,
      occurredAt: start,
      transfers,
    })
  const consume = (credits: number, usageId = `usage-${steps}`) =>
    consumeCredits(seeded.connections.application, {
      ...owner,
      ...asked,
      usageId,
      amount: credits,
      description: undefined,
    })

  return {
    owner,
    customer,
    consume,
    hold,
    bought,
    grant: (amount: number, days: number | null) =>
      hold((held) =>
        grantCredits(held, {
          ...asked,
          grantId: `grant-${(steps += 1)}`,
          kind: 'bonus',
          amount,
          expiresAt: days === null ? undefined : new Date(now + days),
          reason: 'A test',
          watchedBy: `walletExpiry/${customer.customerId}`,
        }),
      ),
    async buy(credits: number, price: number) {
      const paymentId = mintId('pay')
      bought.push(paymentId)
      await hold(async (held) => {
        await enter(held.transaction, paymentTransfers('credits', brl(price)))
        await addPurchase(held, {
          ...asked,
          paymentId,
          productId: 'credits',
          credits,
          received: brl(price),
          isTopUp: false,
        })
      })
    },
    /** Takes a step as the product would, and tells what became of it. */
    async take(step: WalletStep): Promise<unknown> {
      steps += 1
      switch (step.kind) {
        case 'purchase':
          await this.buy(step.credits, step.price)
          return 'done'
        case 'grant':
          await this.grant(step.credits, step.days)
          return 'done'
        case 'wait':
          now += step.days
          await inTenant((transaction) =>
            updateTestClock(transaction, { projectId, clockId }, { frozenTime: new Date(now) }),
          )
          return 'done'
        case 'consume':
          try {
            await consume(step.credits)
            return 'done'
          } catch (error) {
            if (error instanceof BillingError && error.code === 'insufficient_credits') return 'refused'
            throw error
          }
        case 'refund': {
          const paymentId = bought[step.lot % Math.max(1, bought.length)]
          if (!paymentId) return 'none'
          return inTenant(async (transaction) => {
            const taken = await takeBackLot(transaction, {
              ...asked,
              projectId,
              paymentId,
              refundId: `${userId}/${steps}`,
              ...(step.share !== null && { amountMinor: step.share }),
            })
            if (!taken) return 'none'
            const { credits, share } = taken
            // What the refund does with the money.
            if (credits > 0 && share.amountMinor > 0)
              await enter(transaction, [
                { debit: 'customer_credits', credit: 'stripe_balance', amount: share },
              ])
            return { credits, amountMinor: share.amountMinor }
          })
        }
      }
    },
    async seen() {
      return inTenant(async (transaction) => {
        const shown = await showWallet(transaction, owner)
        const lots = await transaction
          .select()
          .from(creditLots)
          .where(sql`customer_id = ${customer.customerId}`)
          .orderBy(creditLots.number)
        const owed = await transaction.execute<{ currency: string; owed: string }>(sql`
          select currency,
            sum(case 'customer_credits' when credit_account then amount_minor when debit_account then -amount_minor else 0 end) as owed
          from ledger_transfers join ledger_entries using (project_id, entry_id)
          where user_id = ${userId} group by currency`)
        const of = (currency: string) => Number(owed.find((row) => row.currency === currency)?.owed ?? 0)
        return { shown, lots, owedCredits: of('credits'), owedMoney: of('brl') }
      })
    },
    expire: () => createWatchWallet({ database: seeded.connections.application })(customer),
  }
}

describe('a wallet in the database', () => {
  it('agrees with the rules of the domain in any life, balances at every step, and never spends what has expired', async () => {
    const lives = fc.sample(walletSteps(14), { numRuns: 160, seed: 20_261_121 })
    const waiting = lives.entries()
    const live = async () => {
      for (const [index, steps] of waiting) {
        const user = await newUser(`life-${index}`)
        const rules = new RulesWallet()
        for (const step of steps) {
          expect(await user.take(step)).toEqual(rules.take(step))
          // In every other life the workflow that watches for expiry is late, and nobody may notice.
          if (index % 2 === 0 && step.kind === 'wait' && rules.lots.length > 0) await user.expire()
        }
        if (rules.lots.length === 0) continue
        const { shown } = await user.seen()
        const open = rules.lots.filter(({ remaining }) => remaining > 0)
        expect(shown?.balance).toBe(open.reduce((sum, { remaining }) => sum + remaining, 0))
        expect(shown?.lots.map(({ remaining }) => remaining)).toEqual(
          inSpendingOrder(open).map(({ remaining }) => remaining),
        )
        await user.expire()
        const { lots, owedCredits, owedMoney } = await user.seen()
        const books = ({ amount, takenBack, remaining, earned, refunded }: (typeof lots)[number]) => ({
          amount,
          takenBack,
          remaining,
          earned,
          refunded,
        })
        expect(lots.map(books)).toEqual(rules.lots.map((lot) => books(lot as (typeof lots)[number])))
        expect(owedCredits).toBe(shown?.balance)
        expect(owedMoney).toBe(
          rules.lots.reduce((sum, { price, earned, refunded }) => sum + (price ?? 0) - earned - refunded, 0),
        )
        expect(rules.flaws()).toEqual([])
      }
    }
    await Promise.all(Array.from({ length: 8 }, live))
    expect(await unbalanced()).toEqual([])
  }, 60_000)
})

/** Movements whose numbers have gaps, whose balances do not follow from each other, or whose ledger entry says something else. */
const unbalanced = () =>
  inTenant((transaction) =>
    transaction.execute(sql`
      select transaction_id from (
        select t.*, lag(balance_after, 1, 0::bigint) over w as before, row_number() over w as place,
          (select sum(case 'customer_credits' when credit_account then amount_minor else -amount_minor end)
            from ledger_transfers l where l.project_id = t.project_id and l.entry_id = e.entry_id and currency = 'credits') as entered
        from wallet_transactions t join ledger_entries e on e.project_id = t.project_id and e.intent = t.transaction_id
        window w as (partition by customer_id order by number)
      ) as movements
      where balance_after <> before + amount or number <> place or entered <> amount`),
  )

describe('32 consumers of one wallet', () => {
  it('lose and double nothing, whatever each usage is asked for twice', async () => {
    const user = await newUser('crowd')
    await user.buy(1_000, 333)
    await user.grant(500, 5)
    const usages = Array.from({ length: 320 }, (_, index) => index % 160)
    const waiting = usages.values()
    const done: string[] = []
    let refused = 0
    const consumer = async () => {
      for (const usage of waiting)
        try {
          done.push((await user.consume(10, `usage-${usage}`)).transactionId)
        } catch (error) {
          if (!(error instanceof BillingError)) throw error
          refused += 1
        }
    }
    await Promise.all(Array.from({ length: 32 }, consumer))
    expect(new Set(done).size).toBe(150)
    expect(done.length + refused).toBe(320)
    const { shown, owedCredits, owedMoney, lots } = await user.seen()
    expect({ balance: shown?.balance, owedCredits, owedMoney }).toEqual({
      balance: 0,
      owedCredits: 0,
      owedMoney: 0,
    })
    expect(lots.map(({ earned }) => earned)).toEqual([333, 0])
    expect(await unbalanced()).toEqual([])
  })
})

describe('expiry', () => {
  it('that is recorded late counts from its own time, and is told once however many record it', async () => {
    const user = await newUser('late')
    await user.grant(30, 2)
    await user.take({ kind: 'wait', days: 5 })
    expect((await user.seen()).shown?.balance).toBe(0)
    await Promise.all(Array.from({ length: 8 }, () => user.expire()))
    const rows = await inTenant((transaction) =>
      transaction.execute<{ kind: string; amount: string; at: string }>(sql`
        select kind, amount, in_rfc_3339(occurred_at) as at from wallet_transactions
        where customer_id = ${user.customer.customerId} order by number`),
    )
    expect([...rows]).toEqual([
      { kind: 'bonus', amount: '30', at: '2030-01-01T00:00:00.000Z' },
      { kind: 'expiry', amount: '-30', at: '2030-01-01T00:00:00.002Z' },
    ])
  })
})

describe('a refund of unused credits', () => {
  const refund = (paymentId: PaymentId, refundId: string, amountMinor?: number) => ({
    ...asked,
    projectId,
    paymentId,
    refundId,
    ...(amountMinor !== undefined && { amountMinor }),
  })

  it('takes back once, answers the same again, and gives back once what could not be refunded', async () => {
    const user = await newUser('refunded')
    await user.buy(100, 1_000)
    await user.consume(25, 'first')
    const [paymentId] = user.bought
    if (!paymentId) throw new Error('nothing was bought')
    const take = (refundId: string, amountMinor?: number) =>
      inTenant((transaction) => takeBackLot(transaction, refund(paymentId, refundId, amountMinor)))
    expect(await take('r1', 300)).toEqual({ credits: 30, share: brl(300) })
    expect(await take('r1', 300)).toEqual({ credits: 30, share: brl(300) })
    // More than is left: all that is left.
    expect(await take('r2', 9_999)).toEqual({ credits: 45, share: brl(450) })
    expect(await take('r3')).toEqual({ credits: 0, share: brl(0) })
    expect((await user.seen()).shown?.balance).toBe(0)
    for (let time = 0; time < 2; time += 1)
      await inTenant((transaction) => returnLot(transaction, refund(paymentId, 'r1')))
    expect((await user.seen()).shown).toMatchObject({ balance: 30, lots: [{ amount: 100, remaining: 30 }] })
    await user.consume(30, 'second')
    const { lots } = await user.seen()
    // What was paid is earned or refunded, to the last cent.
    expect(lots).toMatchObject([{ earned: 550, refunded: 450, remaining: 0 }])
    expect(await unbalanced()).toEqual([])
  })

  it('races with 16 others and with consumers, and never takes more than there is', async () => {
    const user = await newUser('raced')
    await user.buy(1_000, 1_000)
    const [paymentId] = user.bought
    if (!paymentId) throw new Error('nothing was bought')
    const takings = Array.from({ length: 16 }, (_, index) =>
      inTenant((transaction) => takeBackLot(transaction, refund(paymentId, `race-${index}`, 90))),
    )
    const usages = Array.from({ length: 16 }, (_, index) =>
      user.consume(20, `race-${index}`).then(
        () => 20,
        () => 0,
      ),
    )
    const taken = await Promise.all(takings)
    const used = (await Promise.all(usages)).reduce((sum, credits) => sum + credits, 0)
    const back = taken.reduce((sum, one) => sum + (one?.credits ?? 0), 0)
    const { shown, lots } = await user.seen()
    expect(back + used + Number(shown?.balance)).toBe(1_000)
    expect(lots[0]?.refunded).toBe(taken.reduce((sum, one) => sum + (one?.share.amountMinor ?? 0), 0))
  })
})
