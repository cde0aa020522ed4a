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

  const paidOut = (type: string, more: Partial<BalanceTransaction> = {}): BalanceTransaction => ({
    balanceTransactionId: 'txn_1',
    type,
    reportingCategory: type,
    amount: money(-500, currency('usd')),
    feeMinor: 0,
    netMinor: -500,
    createdAt: 0,
    availableOn: 0,
    ...more,
  })

  // https://docs.stripe.com/reports/balance-transaction-types: whatever is not named here waits for a person.
  it.each([
    ['payout', 'bank'],
    ['payout_cancel', 'bank'],
    ['payout_failure', 'bank'],
    ['topup', 'bank'],
    ['topup_reversal', 'bank'],
    ['stripe_fee', 'fees'],
    ['stripe_fx_fee', 'fees'],
    ['tax_fee', 'fees'],
    ['network_cost', 'fees'],
  ])('of the type %s goes to %s', (type, account) => {
    const one = paidOut(type)
    expect([isOfAccount(one), isOfOwner(one)]).toEqual([true, false])
    expect(balanceTransfers(one, 'itself')).toEqual([
      { debit: account, credit: 'stripe_balance', amount: money(500, currency('usd')) },
    ])
  })

  it.each(['charge', 'payment', 'payment_refund', 'payment_failure_refund', 'refund', 'refund_failure'])(
    'of the type %s has an owner whose entry explains it',
    (type) => {
      expect([isOfAccount(paidOut(type)), isOfOwner(paidOut(type))]).toEqual([false, true])
      expect(balanceTransfers(paidOut(type), 'owner')).toEqual([])
    },
  )

  it('has an owner when it adjusts for a dispute, and none when it adjusts for something else', () => {
    const adjusting = (kind: 'dispute' | 'other') =>
      isOfOwner(paidOut('adjustment', { source: { kind, sourceId: 'dp_1' } }))
    expect([adjusting('dispute'), adjusting('other'), isOfOwner(paidOut('adjustment'))]).toEqual([
      true,
      false,
      false,
    ])
    expect(isOfOwner(paidOut('reserve_transaction', { source: { kind: 'dispute', sourceId: 'dp_1' } }))).toBe(
      false,
    )
  })

  it('of a type that nobody knows waits for a person, and what others sold is kept apart', () => {
    const one = paidOut('reserve_transaction')
    expect(isOfAccount(one)).toBe(false)
    const amount = money(500, currency('usd'))
    expect(balanceTransfers(one, 'itself')).toEqual([
      { debit: 'unexplained', credit: 'stripe_balance', amount },
    ])
    expect(balanceTransfers(one, 'foreign')).toEqual([
      { debit: 'other_business', credit: 'stripe_balance', amount },
    ])
  })

  it('enters the fee as an expense, and a fee that Stripe gives back as less of one', () => {
    const fee = (feeMinor: number) => balanceTransfers(paidOut('charge', { feeMinor }), 'nobody')
    const amount = money(30, currency('usd'))
    expect(fee(30)).toEqual([{ debit: 'fees', credit: 'stripe_balance', amount }])
    expect(fee(-30)).toEqual([{ debit: 'stripe_balance', credit: 'fees', amount }])
    expect(fee(0)).toEqual([])
  })

  it('exchanges what the customer saw for what Stripe settled, and nothing where both are one', () => {
    const source = { kind: 'charge' as const, sourceId: 'ch_1', amount: money(1_000, currency('brl')) }
    const amount = money(180, currency('usd'))
    expect(exchangeTransfers(paidOut('charge', { amount, source }))).toEqual([
      { debit: 'currency_exchange', credit: 'stripe_balance', amount: source.amount },
      { debit: 'stripe_balance', credit: 'currency_exchange', amount },
    ])
    expect(exchangeTransfers(paidOut('charge', { amount: source.amount, source }))).toEqual([])
    expect(exchangeTransfers(paidOut('charge'))).toEqual([])
    expect(exchangeTransfers(paidOut('charge', { source: { kind: 'charge', sourceId: 'ch_1' } }))).toEqual([])
  })
})
