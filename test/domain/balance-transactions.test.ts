import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BalanceTransaction,
  balanceTransfers,
  exchangeTransfers,
  isOfAccount,
  isOfOwner,
  releaseTransfers,
  suspenseTransfers,
} from '../../domain/balance-transactions.ts'
import type { Transfer } from '../../domain/ledger.ts'
import { currency, money } from '../../domain/money.ts'

const code = fc.constantFrom('brl', 'usd', 'jpy', 'kwd').map((text) => currency(text))
const transaction = fc
  .record({
    type: fc.constantFrom('charge', 'refund', 'payout', 'stripe_fee', 'adjustment', 'reserve_transaction'),
    settled: fc.integer({ min: -9_999_999, max: 9_999_999 }).filter((amount) => amount !== 0),
    feeMinor: fc.integer({ min: -5_000, max: 5_000 }),
    settledIn: code,
    presented: fc.integer({ min: 1, max: 9_999_999 }),
    presentedIn: code,
  })
  .map(({ type, settled, feeMinor, settledIn, presented, presentedIn }): BalanceTransaction => {
    const amount = money(settled, settledIn)
    const isExchanged = presentedIn !== settledIn
    return {
      balanceTransactionId: 'txn_1',
      type,
      reportingCategory: type,
      source: {
        kind: 'charge',
        sourceId: 'ch_1',
        amount: isExchanged ? money(Math.sign(settled) * presented, presentedIn) : amount,
      },
      amount,
      feeMinor,
      netMinor: settled - feeMinor,
      createdAt: 0,
      availableOn: 0,
    }
  })

/** What the transfers do to the balance, by currency; nothing where it is the same as before. */
function intoBalance(transfers: Transfer[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const { debit, credit, amount } of transfers) {
    const change =
      debit === 'stripe_balance' ? amount.amountMinor : credit === 'stripe_balance' ? -amount.amountMinor : 0
    sums.set(amount.currency, (sums.get(amount.currency) ?? 0) + change)
  }
  return Object.fromEntries([...sums].filter(([, sum]) => sum !== 0))
}

const net = ({ amount, netMinor }: BalanceTransaction) =>
  netMinor === 0 ? {} : { [amount.currency]: netMinor }

/** What the owner of a charge or a refund enters: what the customer saw. */
function ownersEntry({ source }: BalanceTransaction): Transfer[] {
  if (!source?.amount) return []
  const { amountMinor, currency: of } = source.amount
  const amount = money(Math.abs(amountMinor), of)
  return amountMinor > 0
    ? [{ debit: 'stripe_balance', credit: 'revenue', amount }]
    : [{ debit: 'refunds', credit: 'stripe_balance', amount }]
}

describe('what a balance transaction adds to the ledger', () => {
  it("makes the balance grow by what Stripe's does, with what its owner has entered, exchanged or not", () => {
    fc.assert(
      fc.property(transaction, (one) => {
        expect(intoBalance([...ownersEntry(one), ...balanceTransfers(one, 'owner')])).toEqual(net(one))
      }),
    )
  })

  it('does so by itself for payouts, fees and what is none of ours', () => {
    fc.assert(
      fc.property(transaction, fc.constantFrom('itself' as const, 'foreign' as const), (one, explanation) => {
        expect(intoBalance(balanceTransfers(one, explanation))).toEqual(net(one))
      }),
    )
  })

  it('does so while its owner is unknown, and again once the owner has entered it', () => {
    fc.assert(
      fc.property(transaction, (one) => {
        const suspended = [...balanceTransfers(one, 'nobody'), ...suspenseTransfers(one)]
        expect(intoBalance(suspended)).toEqual(net(one))
        const released = [...suspended, ...ownersEntry(one), ...releaseTransfers(one)]
        expect(intoBalance(released)).toEqual(net(one))
        const atOnce = [...balanceTransfers(one, 'nobody'), ...ownersEntry(one), ...exchangeTransfers(one)]
        expect(intoBalance(atOnce)).toEqual(net(one))
        const unexplained = released.flatMap(({ debit, credit, amount }) =>
          debit === 'unexplained'
            ? [-amount.amountMinor]
            : credit === 'unexplained'
              ? [amount.amountMinor]
              : [],
        )
        expect(unexplained.reduce((sum, change) => sum + change, 0)).toBe(0)
      }),
    )
  })

  it.each([
    ['payout', 'bank'],
    ['payout_failure', 'bank'],
    ['stripe_fee', 'fees'],
  ])('of the type %s goes to %s', (type, account) => {
    const one: BalanceTransaction = {
      balanceTransactionId: 'txn_1',
      type,
      reportingCategory: type,
      amount: money(-500, currency('usd')),
      feeMinor: 0,
      netMinor: -500,
      createdAt: 0,
      availableOn: 0,
    }
    expect([isOfAccount(one), isOfOwner(one)]).toEqual([true, false])
    expect(balanceTransfers(one, 'itself')).toEqual([
      { debit: account, credit: 'stripe_balance', amount: money(500, currency('usd')) },
    ])
  })
})
