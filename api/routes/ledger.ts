import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { exportLedger } from '../../db/ledger-export.ts'
import {
  type AccountBalance,
  listEntries,
  readBalances,
  readOpening,
  type StatementEntry,
} from '../../db/ledger-statements.ts'
import { isId } from '../../domain/ids.ts'
import type { JournalFormat } from '../../domain/journal.ts'
import { accounts, balanceOf, type LedgerAccount } from '../../domain/ledger.ts'
import type { CallerEnv } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import { accountPage, accountQuery, entryPage, entryQuery, exportQuery } from '../schemas/ledger.ts'
import { readProblems } from '../schemas/problem.ts'

const tags = ['Ledger']

const mediaTypes: Record<JournalFormat, string> = { csv: 'text/csv', beancount: 'text/plain' }
const fileEndings: Record<JournalFormat, string> = { csv: 'csv', beancount: 'beancount' }

/** The project's book: read by its own key, or by an operator. Nobody writes it but what moves money. */
export function ledgerRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application } = dependencies
  const reading = forProject(dependencies, 'read')

  app.openapi(
    createRoute({
      method: 'get',
      path: '/ledger/accounts',
      tags,
      summary: 'What each account shows',
      middleware: [reading] as const,
      request: { query: accountQuery },
      responses: {
        200: {
          description: 'The balance of each account that was ever used, in each currency.',
          content: { 'application/json': { schema: accountPage } },
        },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { user_id: userId, at } = c.req.valid('query')
      const balances = await inProject(application, projectId, (transaction) =>
        readBalances(transaction, projectId, { userId, to: at }),
      )
      const data = balances.map(({ account, currency, balance }) => ({
        account,
        normal_side: accounts[account].side,
        balance,
        currency,
      }))
      return c.json({ data, next_cursor: null }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/ledger/entries',
      tags,
      summary: 'A statement: each movement of money, oldest first',
      description: 'With an account named, each entry shows what the account came to after it.',
      middleware: [reading] as const,
      request: { query: entryQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: entryPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const {
        limit = DEFAULT_LIMIT,
        cursor,
        account,
        user_id: userId,
        payment_id,
        from,
        to,
      } = c.req.valid('query')
      const paymentId = payment_id !== undefined && isId('pay', payment_id) ? payment_id : undefined
      const filter = { account, userId, paymentId, from, to }
      const after = readCursor('le', cursor)
      const { entries, opening } = await inProject(application, projectId, async (transaction) => {
        const found = await listEntries(transaction, projectId, filter, { after, limit: limit + 1 })
        const [first] = found
        if (!account || !first) return { entries: found, opening: [] }
        const place = { createdAt: first.occurredAt, id: first.entryId }
        return { entries: found, opening: await readOpening(transaction, projectId, filter, place) }
      })
      const placeOf = ({ occurredAt, entryId }: StatementEntry) => ({ createdAt: occurredAt, id: entryId })
      const follow = account && runningBalance(account, opening)
      return c.json(
        pageOf(entries, limit, placeOf, (entry) => ({
          ...showEntry(entry),
          ...(follow && { balances: follow(entry) }),
        })),
        200,
      )
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/ledger/export',
      tags,
      summary: 'The whole ledger as a file for accounting programs',
      description:
        '`csv` has a row for each transfer. `beancount` is a plain-text journal: `bean-check` accepts it and checks the balances that it ends with.',
      middleware: [reading] as const,
      request: { query: exportQuery },
      responses: {
        200: {
          description: 'The file.',
          content: { 'text/csv': { schema: z.string() }, 'text/plain': { schema: z.string() } },
        },
        ...readProblems,
      },
    }),
    (c) => {
      const { projectId } = c.var.tenant
      const { format, from, to } = c.req.valid('query')
      const pieces = exportLedger(application, { projectId, format, from, to })
      return new Response(ReadableStream.from(encoded(pieces)), {
        headers: {
          'Content-Type': `${mediaTypes[format]}; charset=utf-8`,
          'Content-Disposition': `attachment; filename="ledger-${projectId}.${fileEndings[format]}"`,
        },
      })
    },
  )
}

async function* encoded(pieces: AsyncGenerator<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const piece of pieces) yield encoder.encode(piece)
}

/** @returns what an account comes to after each entry, handed over one after the other. */
function runningBalance(account: LedgerAccount, opening: AccountBalance[]) {
  const balances = new Map(opening.map(({ currency, balance }) => [currency, balance]))
  return ({ transfers }: StatementEntry): { balance: number; currency: string }[] => {
    const moved = new Set<string>()
    for (const { debit, credit, amount, currency } of transfers) {
      if (debit !== account && credit !== account) continue
      moved.add(currency)
      const change = balanceOf(account, {
        debited: debit === account ? amount : 0,
        credited: credit === account ? amount : 0,
      })
      balances.set(currency, (balances.get(currency) ?? 0) + change)
    }
    return [...moved].map((currency) => ({ balance: balances.get(currency) ?? 0, currency }))
  }
}

function showEntry(entry: StatementEntry) {
  return {
    entry_id: entry.entryId,
    occurred_at: entry.occurredAt.toISOString(),
    recorded_at: entry.recordedAt.toISOString(),
    ...referencesIn(entry.intent),
    ...(entry.userId !== '' && { user_id: entry.userId }),
    ...(entry.paymentId !== null && { payment_id: entry.paymentId }),
    ...(entry.invoiceId !== null && { invoice_id: entry.invoiceId }),
    transfers: entry.transfers,
  }
}

/** What the intent of an entry says, each id under a name of its own. */
function referencesIn(intent: string) {
  const parts = intent.split('/')
  const idWith = (prefix: string) => parts.find((part) => part.startsWith(`${prefix}_`))
  const subscriptionId = idWith('sbs')
  const balanceTransactionId = idWith('txn')
  return {
    what: parts.filter((part) => !/^[a-z]{2,4}_[A-Za-z0-9]{8,}$/.test(part)).join(' '),
    ...(subscriptionId && { subscription_id: subscriptionId }),
    ...(balanceTransactionId && { stripe_balance_transaction_id: balanceTransactionId }),
  }
}
