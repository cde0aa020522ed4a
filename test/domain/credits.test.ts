import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  balanceAt,
  type CreditLot,
  creditTransfers,
  expiredLots,
  inSpendingOrder,
  isSpendable,
  type LotChange,
  type MovementKind,
  nextExpiry,
  refundable,
  takeBack,
  takeCredits,
} from '../../domain/credits.ts'
import { CountingWallet } from './counting-wallet.ts'
import { RulesWallet } from './rules-wallet.ts'
import { walletSteps } from './wallet-steps.ts'

const at = (day: number) => new Date(Date.UTC(2030, 0, 1 + day))
const lot = (number: number, seen: Partial<CreditLot> = {}): CreditLot => ({
  number,
  amount: 100,
  takenBack: 0,
  remaining: 100,
  expiresAt: null,
  price: null,
  currency: null,
  earned: 0,
  refunded: 0,
  ...seen,
})
const paid = (number: number, seen: Partial<CreditLot> = {}) =>
  lot(number, { price: 1_000, currency: 'brl', ...seen })

describe('lots', () => {
  it('are spent soonest to expire first, those that never expire last, and of equals the oldest', () => {
    const lots = [
      lot(1),
      lot(2, { expiresAt: at(9) }),
      lot(3, { expiresAt: at(2) }),
      lot(4, { expiresAt: at(9) }),
      lot(5),
    ]
    for (const found of [lots, lots.toReversed()])
      expect(inSpendingOrder(found).map(({ number }) => number)).toEqual([3, 2, 4, 1, 5])
    expect(takeCredits(lots, 250).map(({ lot: { number }, credits }) => [number, credits])).toEqual([
      [3, 100],
      [2, 100],
      [4, 50],
    ])
    expect(nextExpiry(lots)).toEqual(at(2))
    expect(nextExpiry([lot(1), lot(2, { expiresAt: at(1), remaining: 0 })])).toBeUndefined()
    expect(nextExpiry([])).toBeUndefined()
  })

  it('cannot be spent from the moment at which they expire', () => {
    const lots = [lot(1, { expiresAt: at(1) }), lot(2)]
    expect(balanceAt(lots, new Date(at(1).getTime() - 1))).toBe(200)
    expect(balanceAt(lots, at(1))).toBe(100)
    expect(expiredLots(lots, at(1)).map(({ number }) => number)).toEqual([1])
    expect(() => takeCredits([lot(1)], 101)).toThrow(RangeError)
  })

  it('that are used up neither expire nor are spent', () => {
    const empty = lot(1, { expiresAt: at(1), remaining: 0 })
    expect(expiredLots([empty], at(2))).toEqual([])
    expect(takeCredits([empty, lot(2)], 100).map(({ lot: { number } }) => number)).toEqual([2])
    expect(isSpendable(empty, at(0))).toBe(false)
  })

  it('earn what was paid for them as they are used, rounded down over all that is used', () => {
    const third = paid(1, { amount: 3, remaining: 3, price: 100 })
    expect(takeCredits([third], 1)[0]?.earns).toBe(33)
    expect(takeCredits([{ ...third, remaining: 2, earned: 33 }], 1)[0]?.earns).toBe(33)
    expect(takeCredits([{ ...third, remaining: 1, earned: 66 }], 1)[0]?.earns).toBe(34)
    const large = paid(1, { amount: 10 ** 12, remaining: 10 ** 12, price: 99_999_999 })
    expect(takeCredits([large], 10 ** 12 - 1)[0]?.earns).toBe(99_999_998)
  })

  it('give back the share of the price of what is unused, in whole or in part', () => {
    const half = paid(1, { remaining: 50, earned: 500 })
    expect(refundable(half)).toEqual({ credits: 50, amountMinor: 500 })
    expect(takeBack(half)).toEqual({ credits: 50, amountMinor: 500 })
    // Rounded up: nobody keeps credits that were refunded.
    expect(takeBack(half, 1)).toEqual({ credits: 1, amountMinor: 1 })
    expect(takeBack(half, 333)).toEqual({ credits: 34, amountMinor: 333 })
    expect(takeBack(half, 500)).toEqual({ credits: 50, amountMinor: 500 })
    for (const amount of [501, 0, -1]) expect(() => takeBack(half, amount)).toThrow(RangeError)
    expect(refundable(lot(1))).toEqual({ credits: 100, amountMinor: 0 })
  })
})

describe('the entry of a movement', () => {
  const changes: LotChange[] = [
    { lot: paid(1), credits: 10, earns: 100 },
    { lot: paid(2), credits: 10, earns: 20 },
    { lot: paid(3, { currency: 'usd' }), credits: 10, earns: 7 },
    { lot: lot(4), credits: 10, earns: 0 },
  ]
  it('moves the credits, and the money of each currency that they have earned', () => {
    expect(creditTransfers('consumption', -40, changes)).toEqual([
      {
        debit: 'customer_credits',
        credit: 'credits_consumed',
        amount: { amountMinor: 40, currency: 'credits' },
      },
      { debit: 'customer_credits', credit: 'revenue', amount: { amountMinor: 120, currency: 'brl' } },
      { debit: 'customer_credits', credit: 'revenue', amount: { amountMinor: 7, currency: 'usd' } },
    ])
  })
  it.each<[MovementKind, number, string, string]>([
    ['purchase', 1, 'credits_sold', 'customer_credits'],
    ['bonus', 1, 'promotions', 'customer_credits'],
    ['promotion', 1, 'promotions', 'customer_credits'],
    ['adjustment', 1, 'credits_adjusted', 'customer_credits'],
    ['adjustment', -1, 'customer_credits', 'credits_adjusted'],
    ['expiry', -1, 'customer_credits', 'credits_expired'],
    ['refund', -1, 'customer_credits', 'credits_sold'],
    ['refund_undone', 1, 'credits_sold', 'customer_credits'],
  ])('of %s %i goes from %s to %s', (kind, amount, debit, credit) => {
    expect(creditTransfers(kind, amount)).toEqual([
      { debit, credit, amount: { amountMinor: 1, currency: 'credits' } },
    ])
  })
})

describe('any sequence of purchases, grants, consumption, expiry, adjustments and refunds', () => {
  it('agrees with a model that counts single credits, has no negative lot, and balances at every step', () => {
    fc.assert(
      fc.property(walletSteps(), (steps) => {
        const wallet = new RulesWallet()
        const model = new CountingWallet()
        for (const step of steps) {
          expect(wallet.take(step)).toEqual(model.take(step))
          expect(wallet.perLot()).toEqual(model.perLot())
          expect(wallet.flaws()).toEqual([])
        }
      }),
      { numRuns: 10_000 },
    )
  }, 60_000)
})
