import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { enterLedger, type LedgerEntry } from '../../db/ledger.ts'
import { deriveId, mintId } from '../../db/mint-id.ts'
import { commodityOf, decimalAmount } from '../../domain/commodities.ts'
import type { PaymentId, ProjectId } from '../../domain/ids.ts'
import { journalBalance } from '../../domain/journal.ts'
import { accounts, type LedgerAccount, ledgerAccounts, type Transfer } from '../../domain/ledger.ts'
import { type Currency, money } from '../../domain/money.ts'
import { findBeancount } from '../support/beancount.ts'
import { createTestApi, operatorKey, type TestApi } from './support/api.ts'

let api: TestApi
let mine: { projectId: string; key: string }
let other: { projectId: string; key: string }
const payment: PaymentId = deriveId('pay', 'ledger')

beforeAll(async () => {
  api = await createTestApi()
  mine = await api.registerProject()
  other = await api.registerProject()
  await enter(mine.projectId, [
    entry('2027-01-10T10:00:00.000Z', 'ada', [['stripe_balance', 'revenue', 9_900, 'brl']], {
      paymentId: payment,
    }),
    entry('2027-01-11T10:00:00.000Z', '', [['fees', 'stripe_balance', 317, 'brl']]),
    entry('2027-01-12T10:00:00.000Z', 'bob', [['stripe_balance', 'customer_credits', 500, 'jpy']]),
    entry('2027-01-13T10:00:00.000Z', 'ada', [['refunds', 'stripe_balance', 900, 'brl']], {
      paymentId: payment,
    }),
    entry('2027-01-14T10:00:00.000Z', 'bob', [
      ['currency_exchange', 'stripe_balance', 500, 'jpy'],
      ['stripe_balance', 'currency_exchange', 1_875, 'kwd'],
    ]),
  ])
  await enter(other.projectId, [
    entry('2027-01-10T10:00:00.000Z', 'eve', [['stripe_balance', 'revenue', 1, 'brl']]),
  ])
})
afterAll(() => api.close())

type Row = [LedgerAccount, LedgerAccount, number, string]

function entry(at: string, userId: string, rows: Row[], more: Partial<LedgerEntry> = {}) {
  const transfers: Transfer[] = rows.map(([debit, credit, amount, code]) => ({
    debit,
    credit,
    amount: money(amount, code as Currency),
  }))
  return { occurredAt: new Date(at), userId, intent: `test/${mintId('le')}/entered`, transfers, ...more }
}

function enter(projectId: string, entries: Omit<LedgerEntry, 'projectId'>[]): Promise<void> {
  const project = projectId as ProjectId
  return inProject(api.connections.application, project, async (transaction) => {
    for (const one of entries) await enterLedger(transaction, { ...one, projectId: project })
  })
}

interface Shown {
  data: {
    account: string
    normal_side: string
    balance: number
    currency: string
    what: string
    occurred_at: string
    balances?: { balance: number; currency: string }[]
    transfers: object[]
  }[]
  next_cursor: string | null
}

const read = async (what: string, key = mine.key, headers: Record<string, string> = {}): Promise<Shown> => {
  const { status, body } = await api.call<Shown>('GET', `/api/v1/ledger/${what}`, { key, headers })
  if (status !== 200) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`)
  return body
}
const shortly = ({ data }: Shown) =>
  data.map(({ account, balance, currency: code }) => `${account} ${balance} ${code}`)

describe('the accounts of a project', () => {
  it('show what each came to in each currency, on its own side', async () => {
    const { data } = await read('accounts')
    expect(shortly({ data, next_cursor: null })).toEqual([
      'currency_exchange 500 jpy',
      'currency_exchange -1875 kwd',
      'customer_credits 500 jpy',
      'fees 317 brl',
      'refunds 900 brl',
      'revenue 9900 brl',
      'stripe_balance 8683 brl',
      'stripe_balance 0 jpy',
      'stripe_balance 1875 kwd',
    ])
    expect(data.find(({ account }) => account === 'revenue')?.normal_side).toBe('credit')
  })

  it('show them for one user, and as they were', async () => {
    expect(shortly(await read('accounts?user_id=ada'))).toEqual([
      'refunds 900 brl',
      'revenue 9900 brl',
      'stripe_balance 9000 brl',
    ])
    expect(shortly(await read('accounts?at=2027-01-11T00:00:00Z'))).toEqual([
      'revenue 9900 brl',
      'stripe_balance 9900 brl',
    ])
  })

  it("are shown to the project's own key and to operators, and of no other project", async () => {
    expect(shortly(await read('accounts', other.key))).toEqual(['revenue 1 brl', 'stripe_balance 1 brl'])
    const asOperator = await read('accounts', operatorKey, { 'x-project-id': other.projectId })
    expect(shortly(asOperator)).toEqual(['revenue 1 brl', 'stripe_balance 1 brl'])
    const named = { key: mine.key, headers: { 'x-project-id': other.projectId } }
    expect(await api.refusal('GET', '/api/v1/ledger/accounts', named)).toBe('403 project_mismatch')
    expect((await read(`entries?payment_id=${payment}`, other.key)).data).toEqual([])
  })
})

describe('a statement', () => {
  it('shows what the account came to after each entry, on whatever page the entry is', async () => {
    const whole = await read('entries?account=stripe_balance')
    expect(whole.data.map(({ balances }) => balances)).toEqual([
      [{ balance: 9_900, currency: 'brl' }],
      [{ balance: 9_583, currency: 'brl' }],
      [{ balance: 500, currency: 'jpy' }],
      [{ balance: 8_683, currency: 'brl' }],
      [
        { balance: 0, currency: 'jpy' },
        { balance: 1_875, currency: 'kwd' },
      ],
    ])
    const paged: Shown['data'] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Shown = await read(`entries?account=stripe_balance&limit=2${cursor && `&cursor=${cursor}`}`)
      paged.push(...page.data)
      cursor = page.next_cursor
    }
    expect(paged).toEqual(whole.data)
  })

  it('is narrowed to a user, a payment or a time, and opens with what was there before', async () => {
    const ofPayment = await read(`entries?payment_id=${payment}`)
    expect(ofPayment.data.map(({ occurred_at }) => occurred_at)).toEqual([
      '2027-01-10T10:00:00.000Z',
      '2027-01-13T10:00:00.000Z',
    ])
    const late = await read(
      'entries?account=stripe_balance&from=2027-01-13T00:00:00Z&to=2027-01-14T00:00:00Z',
    )
    expect(late.data.map(({ balances }) => balances)).toEqual([[{ balance: 8_683, currency: 'brl' }]])
    expect((await read('entries?user_id=bob&account=fees')).data).toEqual([])
  })

  it('names Stripe objects under names of their own alone', async () => {
    const project = await api.registerProject()
    const renewal = entry('2027-02-01T00:00:00Z', 'ada', [['stripe_balance', 'revenue', 5, 'brl']], {
      intent: `${deriveId('sbs', '1')}/paid/in_1LocalStripe0001`,
      invoiceId: 'in_1LocalStripe0001',
    })
    await enter(project.projectId, [renewal])
    expect((await read('entries', project.key)).data).toMatchObject([
      { what: 'paid', subscription_id: deriveId('sbs', '1'), invoice_id: 'in_1LocalStripe0001' },
    ])
  })

  it.each([
    'account=cash',
    'from=yesterday',
    'from=0000-01-01T00:00:00Z',
    'to=9999-12-31T23:59:59-23:59',
    'payment_id=pay_1',
    'cursor=%20',
    'wallet=1',
  ])('refuses %s in words', async (query) => {
    const { status, errors } = await api.problem('GET', `/api/v1/ledger/entries?${query}`, {
      key: mine.key,
    })
    expect({ status, path: errors?.[0]?.path }).toEqual({ status: 400, path: query.split('=')[0] })
  })
})

describe('the export as csv', () => {
  it('has a row for each transfer, with its amount in whole units', async () => {
    const { body } = await api.call<string>('GET', '/api/v1/ledger/export?format=csv', { key: mine.key })
    const rows = body
      .trim()
      .split('\r\n')
      .map((row) => row.split(','))
    expect(rows[0]?.slice(-5)).toEqual([
      'debit_account',
      'credit_account',
      'amount',
      'amount_minor',
      'currency',
    ])
    expect(rows.slice(1).map((row) => row.slice(-5).join(' '))).toEqual([
      'stripe_balance revenue 99.00 9900 brl',
      'fees stripe_balance 3.17 317 brl',
      'stripe_balance customer_credits 500 500 jpy',
      'refunds stripe_balance 9.00 900 brl',
      'currency_exchange stripe_balance 500 500 jpy',
      'stripe_balance currency_exchange 1.875 1875 kwd',
    ])
  })
})

const beancount = await findBeancount()
const missing = typeof beancount === 'string' ? ` (skipped: ${beancount})` : ''

describe(`the export as a beancount journal${missing}`, () => {
  it.skipIf(missing)(
    'is accepted by bean-check, and comes to the balances that the API shows',
    { timeout: 60_000 },
    async () => {
      if (typeof beancount === 'string') return
      const project = await api.registerProject()
      const codes = ['brl', 'usd', 'jpy', 'kwd', 'isk', 'credits']
      const entries = Array.from({ length: 1_300 }, (_, index) =>
        entry(new Date(Date.UTC(2026, 0, 1 + (index % 400))).toISOString(), `user-${index % 7}`, [
          [
            ledgerAccounts[index % ledgerAccounts.length] ?? 'revenue',
            ledgerAccounts[(index * 5 + 1) % ledgerAccounts.length] ?? 'revenue',
            1 + ((index * 7_919) % 99_999_999),
            codes[index % codes.length] ?? 'brl',
          ],
        ]),
      )
      const valid = entries.filter(({ transfers }) => transfers[0]?.debit !== transfers[0]?.credit)
      await enter(project.projectId, valid)

      const { body } = await api.call<string>('GET', '/api/v1/ledger/export?format=beancount', {
        key: project.key,
      })
      const directory = await mkdtemp(path.join(tmpdir(), 'quittance-journal-'))
      const file = path.join(directory, 'ledger.beancount')
      await writeFile(file, body)
      expect(await beancount.check(file)).toBe('')
      const { data } = await read('accounts', project.key)
      const expected = data.flatMap(({ account, balance, currency: code }) => {
        const name = account as LedgerAccount
        const units = decimalAmount(journalBalance(name, balance), code)
        return balance === 0 ? [] : [[`${accounts[name].journal} ${commodityOf(code)}`, units]]
      })
      expect(expected.length).toBeGreaterThan(20)
      expect(await beancount.balances(file)).toEqual(Object.fromEntries(expected))

      // A journal that was tampered with does not pass.
      await writeFile(file, body.replace(/(Assets:Stripe {2}-?\d+)/, '$17'))
      expect(await beancount.check(file)).not.toBe('')
      await rm(directory, { recursive: true })
    },
  )
})

it('counts each currency with the digits it has', () => {
  const amounts = [
    decimalAmount(-5, 'brl'),
    decimalAmount(5, 'jpy'),
    decimalAmount(1, 'kwd'),
    decimalAmount(1, 'credits'),
  ]
  expect(amounts).toEqual(['-0.05', '5', '0.001', '0.000001'])
})
