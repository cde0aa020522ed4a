import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PaymentType } from '../../domain/catalog.ts'
import { ACCOUNT_BOOK, accounts, balanceOf, ledgerAccounts, paymentTransfers } from '../../domain/ledger.ts'
import { currency, MAX_AMOUNT_MINOR, money } from '../../domain/money.ts'

const paymentType = fc.constantFrom<PaymentType>('one_time', 'subscription', 'credits')
const received = fc
  .tuple(fc.integer({ min: 0, max: MAX_AMOUNT_MINOR }), fc.constantFrom('brl', 'usd', 'jpy', 'kwd'))
  .map(([amountMinor, code]) => money(amountMinor, currency(code)))

describe('the transfers of a payment', () => {
  it('are positive, have two different sides, and carry all that was received in its currency', () => {
    fc.assert(
      fc.property(paymentType, received, (type, amount) => {
        const transfers = paymentTransfers(type, amount)
        let sum = 0
        for (const transfer of transfers) {
          expect(transfer.amount.amountMinor).toBeGreaterThan(0)
          expect(transfer.amount.currency).toBe(amount.currency)
          expect(transfer.debit).not.toBe(transfer.credit)
          sum += transfer.amount.amountMinor
        }
        expect(sum).toBe(amount.amountMinor)
      }),
    )
  })

  it('leave the sum over all accounts at zero', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(paymentType, received)), (payments) => {
        const balances = new Map<string, number>()
        const add = (account: string, amount: number) =>
          balances.set(account, (balances.get(account) ?? 0) + amount)
        for (const { debit, credit, amount } of payments.flatMap(([type, amount]) =>
          paymentTransfers(type, amount),
        )) {
          add(`${amount.currency} ${debit}`, amount.amountMinor)
          add(`${amount.currency} ${credit}`, -amount.amountMinor)
        }
        for (const code of ['brl', 'usd', 'jpy', 'kwd']) {
          const sum = ledgerAccounts.reduce(
            (total, account) => total + (balances.get(`${code} ${account}`) ?? 0),
            0,
          )
          expect(sum).toBe(0)
        }
      }),
    )
  })

  it.each<[PaymentType, string]>([
    ['one_time', 'revenue'],
    ['subscription', 'revenue'],
    ['credits', 'customer_credits'],
  ])('of a %s payment credit %s', (type, account) => {
    expect(paymentTransfers(type, money(2500, currency('brl')))).toEqual([
      { debit: 'stripe_balance', credit: account, amount: money(2500, currency('brl')) },
    ])
  })

  it.each<[PaymentType, string]>([
    ['one_time', 'revenue'],
    ['credits', 'customer_credits'],
  ])('of a %s payment credit what is tax to the state, and the rest alone to %s', (type, account) => {
    expect(paymentTransfers(type, money(2500, currency('brl')), 400)).toEqual([
      { debit: 'stripe_balance', credit: account, amount: money(2100, currency('brl')) },
      { debit: 'stripe_balance', credit: 'tax', amount: money(400, currency('brl')) },
    ])
  })

  it.each<PaymentType>(['one_time', 'subscription', 'credits'])(
    'are none where nothing was due: %s',
    (type) => {
      expect(paymentTransfers(type, money(0, currency('brl')))).toEqual([])
    },
  )
})

describe('what an account shows', () => {
  it('grows on the side of the account', () => {
    expect(balanceOf('stripe_balance', { debited: 700, credited: 200 })).toBe(500)
    expect(balanceOf('revenue', { debited: 200, credited: 700 })).toBe(500)
  })

  it('is what we have and spend on the debit side, and what we owe and earn on the credit side', () => {
    expect(ledgerAccounts.filter((account) => accounts[account].side === 'credit')).toEqual([
      'revenue',
      'tax',
      'customer_credits',
      'other_business',
      'unexplained',
    ])
  })
})

it('the book of the account has the id under which a migration made it', () => {
  expect(ACCOUNT_BOOK).toBe('prj_00000000000000000000000000')
})
