import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { currency, money } from '../../domain/money.ts'
import {
  amountLeft,
  defaultRefundPolicy,
  needsApproval,
  nextRefundLook,
  nextRefundStatus,
  type RefundSnapshot,
  refundTransfers,
  reversed,
  taxShare,
  unusedMinor,
  unusedShare,
  withTax,
} from '../../domain/refunds.ts'

const brl = (amount: number) => money(amount, currency('brl'))
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
const amounts = fc.integer({ min: 0, max: 99_999_999 })

describe('what is left of a charge', () => {
  const refundId = deriveId('rfd', '1')
  const made = (more: Partial<RefundSnapshot> = {}): RefundSnapshot => ({
    stripeRefundId: 're_1',
    stripeChargeId: 'ch_1',
    status: 'succeeded',
    amount: brl(300),
    createdAt: 0,
    ...more,
  })
  const ours = { refundId, stripeRefundId: null, status: 'pending' as const, amount: 300 }

  it.each([
    ['nothing asked for', [], [], 1_000],
    ['one asked for', [ours], [], 700],
    ['one that waits for approval', [{ ...ours, status: 'awaiting_approval' as const }], [], 700],
    ['one that failed', [{ ...ours, status: 'failed' as const }], [], 1_000],
    [
      'one that was given up and is at Stripe',
      [{ ...ours, status: 'failed' as const }],
      [made({ refundId })],
      700,
    ],
    ['one of ours at Stripe, counted once', [ours], [made({ refundId })], 700],
    ['one that we know by Stripe’s id', [{ ...ours, stripeRefundId: 're_1' }], [made()], 700],
    ['one of the dashboard', [], [made()], 700],
    ['one of each', [ours], [made()], 400],
    ['one of the dashboard that is under way', [], [made({ status: 'pending' })], 700],
    ['one of the dashboard that failed', [], [made({ status: 'failed' })], 1_000],
    ['one of the dashboard that was canceled', [], [made({ status: 'canceled' })], 1_000],
    ['more than there is', [{ ...ours, amount: 900 }], [made()], 0],
  ])('after %s', (_what, known, atStripe, left) => {
    expect(amountLeft(1_000, { ours: known, atStripe })).toBe(left)
  })
})

describe('a refund’s status', () => {
  it.each([
    ['pending', 'pending', 'pending'],
    ['pending', 'succeeded', 'succeeded'],
    ['pending', 'failed', 'failed'],
    ['pending', 'canceled', 'failed'],
    ['succeeded', 'pending', 'succeeded'],
    ['succeeded', 'failed', 'failed'],
    ['failed', 'succeeded', 'failed'],
  ] as const)('is %s and seen as %s: %s', (status, seen, next) => {
    expect(nextRefundStatus(status, seen)).toBe(next)
  })
})

describe('splitting an amount', () => {
  it('into tax in parts gives back exactly the tax in the end, and never more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (refunds, rate) => {
          const captured = sum(refunds)
          const tax = Math.floor(captured * rate)
          let before = 0
          let given = 0
          for (const refund of refunds) {
            const share = taxShare(refund, { captured, tax, before })
            expect(share).toBeGreaterThanOrEqual(0)
            expect(share).toBeLessThanOrEqual(refund)
            given += share
            before += refund
          }
          expect(given).toBe(tax)
        },
      ),
    )
  })
})

it('a charge of nothing has no tax to give back', () => {
  expect(taxShare(0, { captured: 0, tax: 0, before: 0 })).toBe(0)
})

describe('a share without tax', () => {
  it.each([
    [1_000, { captured: 1_000, tax: 0 }, 1_000],
    [800, { captured: 1_000, tax: 200 }, 1_000],
    [400, { captured: 1_000, tax: 200 }, 500],
    [0, { captured: 1_000, tax: 200 }, 0],
    [0, { captured: 0, tax: 0 }, 0],
  ])('of %i in %o is %i with it', (net, charge, gross) => {
    expect(withTax(net, charge)).toBe(gross)
  })

  it('never stands for more than was asked, but for a minor unit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (captured, rate, share) => {
          const tax = Math.floor(captured * rate)
          const net = Math.floor((captured - tax) * share)
          const gross = withTax(net, { captured, tax })
          const needed = gross - taxShare(gross, { captured, tax, before: 0 })
          expect(needed).toBeLessThanOrEqual(net + 1)
        },
      ),
    )
  })
})

describe('the unused share of a period', () => {
  const DAY = 86_400_000
  const period = { start: 0, end: 30 * DAY }

  it.each([
    [0, 9_900],
    [15 * DAY, 4_950],
    [20 * DAY, 3_300],
    [30 * DAY, 0],
    [31 * DAY, 0],
    [-DAY, 9_900],
    // A second before its end is worth a minor unit.
    [30 * DAY - 1_000, 1],
  ])('from %i on is %i', (from, left) => {
    expect(unusedShare(brl(9_900), period, from).amountMinor).toBe(left)
  })

  it('works for the largest amounts, and for currencies without minor units', () => {
    expect(unusedShare(money(99_999_999, currency('jpy')), period, 15 * DAY).amountMinor).toBe(50_000_000)
  })

  it('is an amount that Stripe moves: three-decimal currencies go by tens', () => {
    expect(unusedShare(money(10_010, currency('kwd')), period, 10 * DAY).amountMinor).toBe(6_680)
    expect(unusedShare(money(10_010, currency('kwd')), period, 0).amountMinor).toBe(10_010)
  })

  it('is that of the period itself, whenever it began', () => {
    const later = { start: 10 * DAY, end: 40 * DAY }
    expect(unusedShare(brl(9_900), later, 25 * DAY).amountMinor).toBe(4_950)
    expect(unusedShare(brl(9_900), later, 0).amountMinor).toBe(9_900)
  })

  it('of a period without length is nothing', () => {
    expect(unusedShare(brl(9_900), { start: 0, end: 0 }, 0)).toEqual(brl(0))
  })

  it('counts whole seconds, so that a moment within one is its beginning', () => {
    const short = { start: 500, end: 10_900 }
    expect([999, 1_000, 9_999].map((from) => unusedShare(brl(1_000), short, from).amountMinor)).toEqual([
      1_000, 900, 100,
    ])
  })

  it('never grows with time', () => {
    fc.assert(
      fc.property(amounts, fc.nat(31), fc.nat(31), (paid, one, other) => {
        const [first, second] = [Math.min(one, other) * DAY, Math.max(one, other) * DAY]
        const at = (from: number) => unusedShare(brl(paid), period, from).amountMinor
        expect(at(first)).toBeGreaterThanOrEqual(at(second))
      }),
    )
  })
})

describe('what is unused after a change of plan', () => {
  const DAY = 86_400_000
  const MONTH = { start: 0, end: 30 * DAY }
  const rest = { start: 15 * DAY, end: 30 * DAY }
  const whole = { invoiceId: 'in_1', lines: [{ amount: brl(9_900), period: MONTH }] }
  const change = (price: number) => ({
    invoiceId: 'in_2',
    lines: [
      { amount: brl(-4_950), period: rest },
      { amount: brl(price), period: rest },
    ],
  })

  it.each([
    ['no change', [whole], 3_300],
    ['an upgrade: the rest of the old price and of the new one', [change(24_950), whole], 16_634],
    ['a downgrade, whose invoice cost nothing', [change(1_950), whole], 1_300],
    ['a price that was raised to the same', [change(4_950), whole], 3_300],
    [
      'a period that has passed',
      [{ ...whole, lines: [{ amount: brl(9_900), period: { start: 0, end: DAY } }] }],
      0,
    ],
  ])('is reckoned over all invoices of the period: %s', (_, invoices, unused) => {
    expect(unusedMinor(invoices, 20 * DAY)).toBe(unused)
  })

  it('is never less than nothing', () => {
    expect(unusedMinor([change(0)], 20 * DAY)).toBe(0)
  })
})

it('by default money goes back only when somebody asks for it, and takes its credits along', () => {
  expect(defaultRefundPolicy).toEqual({
    subscription: 'keep',
    credits: 'take_back',
    onCancellation: 'keep',
    onDispute: 'keep',
    onFraudWarning: 'alert',
  })
})

describe('a second person', () => {
  it.each([
    [undefined, brl(99_999), false],
    [undefined, money(1, currency('usd')), false],
    [5_000, brl(5_000), false],
    [5_000, brl(5_001), true],
    [5_000, money(1, currency('usd')), true],
    [0, brl(1), true],
  ])('with the limit %s is needed for %o: %s', (limit, amount, needed) => {
    const policy = { ...defaultRefundPolicy, ...(limit !== undefined && { approvalAbove: limit }) }
    expect(needsApproval(policy, amount, 'brl')).toBe(needed)
  })
})

describe('the ledger', () => {
  it('takes back what was owed for credits, what was the state’s, and what was earned', () => {
    const transfers = refundTransfers(brl(10), { creditShare: 5, taxShare: 2 })
    expect(transfers.map(({ debit, credit, amount }) => `${amount.amountMinor} ${debit} ${credit}`)).toEqual([
      '5 customer_credits stripe_balance',
      '2 tax stripe_balance',
      '3 refunds stripe_balance',
    ])
    expect(reversed(refundTransfers(brl(10), { creditShare: 0, taxShare: 0 }))).toEqual([
      { debit: 'stripe_balance', credit: 'refunds', amount: brl(10) },
    ])
  })
})

it('looks ever more rarely, and asks a person after a month', () => {
  const DAY = 86_400_000
  let now = 0
  const looks: number[] = []
  for (
    let at = nextRefundLook({ askedAt: 0, now });
    at !== undefined;
    at = nextRefundLook({ askedAt: 0, now })
  ) {
    expect(at).toBeGreaterThan(now)
    looks.push(at)
    now = at
  }
  expect(looks.slice(0, 5)).toEqual([300_000, 3_600_000, 6 * 3_600_000, DAY, 2 * DAY])
  expect(now).toBe(30 * DAY)
  expect(nextRefundLook({ askedAt: 5 * DAY, now: 5 * DAY })).toBe(5 * DAY + 300_000)
  expect(nextRefundLook({ askedAt: 5 * DAY, now: 35 * DAY - 1 })).toBe(36 * DAY - 1)
})
