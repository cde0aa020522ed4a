import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { consumeCredits } from '../../db/consume-credits.ts'
import { findWallet, listWalletTransactions, showWallet } from '../../db/wallets.ts'
import type { CallerEnv } from '../context.ts'
import { readNumberCursor, writeNumberCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import { readProblems, walletProblems } from '../schemas/problem.ts'
import {
  consumption,
  transactionPage,
  transactionsQuery,
  walletMoved,
  walletParams,
  walletShown,
} from '../schemas/wallets.ts'
import { transactionAsShown, walletAsShown } from '../show-wallet.ts'

const tags = ['Credits']

/** The credits of a user: seen and spent. */
export function walletRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies
  const reading = forProject(dependencies, 'read')

  app.openapi(
    createRoute({
      method: 'get',
      path: '/wallets/{user_id}',
      tags,
      summary: 'The credits of a user',
      description: 'A user who never had credits has an empty wallet; that is no error.',
      middleware: [reading] as const,
      request: { params: walletParams },
      responses: {
        200: { description: 'The wallet.', content: { 'application/json': { schema: walletShown } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { user_id: userId } = c.req.valid('param')
      const wallet = await inProject(application, projectId, (transaction) =>
        showWallet(transaction, { projectId, userId, livemode }),
      )
      return c.json(walletAsShown(wallet, userId), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/wallets/{user_id}/transactions',
      tags,
      summary: 'Each movement of a wallet, newest first',
      middleware: [reading] as const,
      request: { params: walletParams, query: transactionsQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: transactionPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { user_id: userId } = c.req.valid('param')
      const { limit = DEFAULT_LIMIT, cursor } = c.req.valid('query')
      const before = readNumberCursor(cursor)
      const rows = await inProject(application, projectId, async (transaction) => {
        const wallet = await findWallet(transaction, { projectId, userId, livemode })
        return wallet ? listWalletTransactions(transaction, wallet, { limit: limit + 1, before }) : []
      })
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      const next_cursor = rows.length > limit && last ? writeNumberCursor(last.number) : null
      return c.json({ data: shown.map(transactionAsShown), next_cursor }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/wallets/{user_id}/consume',
      tags,
      summary: 'Consume credits for a usage, once',
      description:
        'Soonest to expire first, and never below what has to stay. The same `usage_id` with the same amount is answered as done; with another amount it is refused. 409 `insufficient_credits` says what is left (`available`).',
      middleware: [forProject(dependencies, 'use_credits'), idempotent(dependencies)] as const,
      request: {
        params: walletParams,
        body: { required: true, content: { 'application/json': { schema: consumption } } },
      },
      responses: {
        200: {
          description: 'Consumed, now or before; the wallet as it is.',
          content: { 'application/json': { schema: walletMoved } },
        },
        ...walletProblems,
      },
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { projectId, actor } = tenant
      const { user_id: userId } = c.req.valid('param')
      const { amount, usage_id: usageId, description } = c.req.valid('json')
      const { wallet, transactionId, occurredAt } = await consumeCredits(application, {
        projectId,
        userId,
        livemode,
        usageId,
        amount,
        description,
        actor,
        correlationId,
      })
      const moved = { transaction_id: transactionId, occurred_at: occurredAt }
      return c.json({ ...walletAsShown(wallet, userId), ...moved }, 200)
    },
  )
}
