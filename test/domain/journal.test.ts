import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JournalEntry, journalBalance, journalWriter } from '../../domain/journal.ts'
import { accounts, balanceOf, ledgerAccounts } from '../../domain/ledger.ts'

const entry = (seen: Partial<JournalEntry> = {}): JournalEntry => ({
  entryId: 'le_1',
  intent: 'pay_1/succeeded',
  userId: 'ada',
  paymentId: 'pay_1',
  invoiceId: 'in_1',
  occurredAt: new Date('2027-01-10T10:00:00Z'),
  recordedAt: new Date('2027-01-10T10:00:01Z'),
  transfers: [{ debit: 'stripe_balance', credit: 'revenue', amount: 9_900, currency: 'brl' }],
  ...seen,
})

describe('the table', () => {
  const writer = journalWriter('csv', 'Acme')

  it('names its columns, and has a row for each transfer', () => {
    expect(writer.head()).toBe(
      'entry_id,occurred_at,recorded_at,intent,user_id,payment_id,invoice_id,position,debit_account,credit_account,amount,amount_minor,currency\r\n',
    )
    const transfers = [
      { debit: 'stripe_balance' as const, credit: 'revenue' as const, amount: 9_000, currency: 'brl' },
      { debit: 'stripe_balance' as const, credit: 'tax' as const, amount: 900, currency: 'brl' },
    ]
    const of = 'le_1,2027-01-10T10:00:00.000Z,2027-01-10T10:00:01.000Z,pay_1/succeeded,ada,pay_1,in_1'
    expect(writer.entry(entry({ transfers }))).toBe(
      `${of},0,stripe_balance,revenue,90.00,9000,brl\r\n${of},1,stripe_balance,tax,9.00,900,brl\r\n`,
    )
    expect(writer.tail()).toBe('')
  })

  it('leaves the field of a payment or an invoice empty where there is none', () => {
    expect(writer.entry(entry({ paymentId: null, invoiceId: null }))).toContain(',ada,,,0,')
  })

  it.each([
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\rb', '"a\rb"'],
    ['a\nb', '"a\nb"'],
    ['a b', 'a b'],
  ])('keeps %j in one field: %j', (userId, field) => {
    expect(writer.entry(entry({ userId }))).toContain(`pay_1/succeeded,${field},pay_1`)
  })
})

describe('the journal', () => {
  it('opens every account, shows both sides of each transfer, and ends with what the accounts come to', () => {
    const writer = journalWriter('beancount', 'Acme "books" \\ 2027')
    const head = writer.head()
    expect(head).toMatch(/^option "title" "Acme \\"books\\" \\\\ 2027"\n\n1970-01-01 open /)
    expect(head.trimEnd().split('\n').slice(2)).toEqual(
      ledgerAccounts.map((account) => `1970-01-01 open ${accounts[account].journal}`),
    )
    expect(writer.entry(entry())).toBe(
      [
        '',
        '2027-01-10 * "ada" "pay_1/succeeded" ^pay_1',
        '  entry: "le_1"',
        '  Assets:Stripe  99.00 BRL',
        '  Income:Revenue  -99.00 BRL',
        '',
      ].join('\n'),
    )
    const refund = { debit: 'refunds', credit: 'stripe_balance', amount: 900, currency: 'brl' } as const
    const later = new Date('2027-01-12T23:59:59Z')
    expect(writer.entry(entry({ paymentId: null, occurredAt: later, transfers: [refund] }))).toContain(
      '\n2027-01-12 * "ada" "pay_1/succeeded"\n  entry:',
    )
    // Entered late: the balances still come after the last day.
    writer.entry(entry({ occurredAt: new Date('2027-01-11T00:00:00Z') }))
    expect(writer.tail()).toBe(
      [
        '',
        '2027-01-13 balance Assets:Stripe  189.00 BRL',
        '2027-01-13 balance Expenses:Refunds  9.00 BRL',
        '2027-01-13 balance Income:Revenue  -198.00 BRL',
        '',
      ].join('\n'),
    )
  })

  it('shows all transfers of an entry, one after the other', () => {
    const transfers = (['revenue', 'tax'] as const).map((credit) => ({
      debit: 'stripe_balance' as const,
      credit,
      amount: 100,
      currency: 'jpy',
    }))
    expect(journalWriter('beancount', 'Acme').entry(entry({ transfers })).split('\n').slice(3)).toEqual([
      '  Assets:Stripe  100 JPY',
      '  Income:Revenue  -100 JPY',
      '  Assets:Stripe  100 JPY',
      '  Liabilities:Tax  -100 JPY',
      '',
    ])
  })

  it('keeps the balances of each currency apart', () => {
    const writer = journalWriter('beancount', 'Acme')
    for (const currency of ['jpy', 'credits'])
      writer.entry(
        entry({ transfers: [{ debit: 'stripe_balance', credit: 'revenue', amount: 1, currency }] }),
      )
    expect(writer.tail().trim().split('\n')).toEqual([
      '2027-01-11 balance Assets:Stripe  0.000001 CREDITS',
      '2027-01-11 balance Assets:Stripe  1 JPY',
      '2027-01-11 balance Income:Revenue  -0.000001 CREDITS',
      '2027-01-11 balance Income:Revenue  -1 JPY',
    ])
  })

  it('shows an account as debits less credits, whatever side it grows on', () => {
    const amounts = fc.record({ debited: fc.nat(), credited: fc.nat() })
    fc.assert(
      fc.property(fc.constantFrom(...ledgerAccounts), amounts, (account, { debited, credited }) => {
        const balance = balanceOf(account, { debited, credited })
        expect(journalBalance(account, balance) + 0).toBe(debited - credited)
      }),
    )
  })
})
