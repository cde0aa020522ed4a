import { commodityOf, decimalAmount } from './commodities.ts'
import { accounts, type LedgerAccount, ledgerAccounts } from './ledger.ts'

/** The ledger as files that other programs read: a table, and a plain-text journal that bean-check accepts.
 *  https://beancount.github.io/docs/beancount_language_syntax.html */

export interface JournalEntry {
  entryId: string
  intent: string
  userId: string
  paymentId: string | null
  invoiceId: string | null
  occurredAt: Date
  recordedAt: Date
  transfers: { debit: LedgerAccount; credit: LedgerAccount; amount: number; currency: string }[]
}

export const journalFormats = ['csv', 'beancount'] as const
export type JournalFormat = (typeof journalFormats)[number]

/** Writes a journal piece by piece, so that it may be longer than any memory. */
export interface JournalWriter {
  head(): string
  entry(entry: JournalEntry): string
  tail(): string
}

export function journalWriter(format: JournalFormat, title: string): JournalWriter {
  return format === 'csv' ? csvWriter() : beancountWriter(title)
}

const columns =
  'entry_id,occurred_at,recorded_at,intent,user_id,payment_id,invoice_id,position,debit_account,credit_account,amount,amount_minor,currency'

/** A row for each transfer. */
function csvWriter(): JournalWriter {
  return {
    head: () => `${columns}\r\n`,
    entry: ({ transfers, ...entry }) =>
      transfers
        .map(({ debit, credit, amount, currency }, position) =>
          [
            entry.entryId,
            entry.occurredAt.toISOString(),
            entry.recordedAt.toISOString(),
            entry.intent,
            entry.userId,
            entry.paymentId ?? '',
            entry.invoiceId ?? '',
            position,
            debit,
            credit,
            decimalAmount(amount, currency),
            amount,
            currency,
          ]
            .map((value) => csvField(String(value)))
            .join(','),
        )
        .map((row) => `${row}\r\n`)
        .join(''),
    tail: () => '',
  }
}

const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Ends with what each account comes to, so that whoever checks the journal checks the balances as well. */
function beancountWriter(title: string): JournalWriter {
  const sums = new Map<string, number>()
  let lastDay = EPOCH
  const post = (account: LedgerAccount, signedAmount: number, currency: string): string => {
    const name = accounts[account].journal
    const key = `${name} ${currency}`
    sums.set(key, (sums.get(key) ?? 0) + signedAmount)
    return `  ${name}  ${decimalAmount(signedAmount, currency)} ${commodityOf(currency)}\n`
  }
  return {
    head: () =>
      `option "title" ${quoted(title)}\n\n` +
      ledgerAccounts.map((account) => `${EPOCH} open ${accounts[account].journal}\n`).join(''),
    entry: ({ entryId, intent, userId, paymentId, occurredAt, transfers }) => {
      const day = dayOf(occurredAt)
      if (day > lastDay) lastDay = day
      const link = paymentId === null ? '' : ` ^${paymentId}`
      return (
        `\n${day} * ${quoted(userId)} ${quoted(intent)}${link}\n  entry: ${quoted(entryId)}\n` +
        transfers
          .map(
            ({ debit, credit, amount, currency }) =>
              post(debit, amount, currency) + post(credit, -amount, currency),
          )
          .join('')
      )
    },
    tail: () => {
      const day = dayAfter(lastDay)
      return `\n${[...sums]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(([key, sum]) => {
          const [name = '', currency = ''] = key.split(' ')
          return `${day} balance ${name}  ${decimalAmount(sum, currency)} ${commodityOf(currency)}\n`
        })
        .join('')}`
    },
  }
}

/** Before the first entry of any ledger: accounts must be open when they are used. */
const EPOCH = '1970-01-01'
const DAY_MS = 24 * 3_600_000

const dayOf = (time: Date) => time.toISOString().slice(0, 10)
const dayAfter = (day: string) => dayOf(new Date(Date.parse(day) + DAY_MS))
const quoted = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** The balance of an account as the journal shows it: what is debited counts as more, whatever the account's own side. */
export function journalBalance(account: LedgerAccount, balance: number): number {
  return accounts[account].side === 'debit' ? balance : -balance
}
