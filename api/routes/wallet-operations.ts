import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { ensureCustomer } from '../../db/customers.ts'
import { adjustCredits, grantCredits } from '../../db/wallet-movements.ts'
import { lockWallet, setWallet, unlockWallet } from '../../db/wallet-settings.ts'
import { type HeldWallet, holdWallet, showWallet, type WalletTransactionRow } from '../../db/wallets.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { walletExpiryWorkflowId } from '../../workflows/ids.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { walletProblems } from '../schemas/problem.ts'
import {
  adjustmentInput,
  grantInput,
  reasonInput,
  walletMoved,
  walletParams,
  walletSettings,
  walletShown,
} from '../schemas/wallets.ts'
import { walletAsShown } from '../show-wallet.ts'

const tags = ['Credits']

/** What is done to a wallet besides spending from it. Each is one transaction under the wallet's lock. */
export function walletOperationRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies
  const using = forProject(dependencies, 'use_credits')
  const operating = forProject(dependencies, 'manage_wallets')
  const repeatable = idempotent(dependencies)
  const answers = {
    200: { description: 'Done.', content: { 'application/json': { schema: walletShown } } },
    ...walletProblems,
  }
  const movedAnswers = {
    200: {
      description: 'Done, now or before; the wallet as it is.',
      content: { 'application/json': { schema: walletMoved } },
    },
    ...walletProblems,
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/wallets/{user_id}/grant',
      tags,
      summary: 'Give a user credits that nobody paid for, once',
      middleware: [using, repeatable] as const,
      request: {
        params: walletParams,
        body: { required: true, content: { 'application/json': { schema: grantInput } } },
      },
      responses: movedAnswers,
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { user_id: userId } = c.req.valid('param')
      const { amount, kind, expires_at, reason, grant_id: grantId } = c.req.valid('json')
      const moved = await move(tenant.projectId, userId, (held) =>
        grantCredits(held, {
          grantId,
          kind,
          amount,
          expiresAt: expires_at === undefined ? undefined : new Date(expires_at),
          reason,
          watchedBy: walletExpiryWorkflowId(held.wallet.customerId),
          actor: tenant.actor,
          correlationId,
        }),
      )
      return c.json(moved, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/wallets/{user_id}/adjust',
      tags,
      summary: 'Set a wallet right, once',
      description: 'For operators. Takes credits in the order of spending, and never more than there are.',
      middleware: [operating, repeatable] as const,
      request: {
        params: walletParams,
        body: { required: true, content: { 'application/json': { schema: adjustmentInput } } },
      },
      responses: movedAnswers,
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { user_id: userId } = c.req.valid('param')
      const { amount, reason, adjustment_id: adjustmentId } = c.req.valid('json')
      const moved = await move(tenant.projectId, userId, (held) =>
        adjustCredits(held, { adjustmentId, amount, reason, actor: tenant.actor, correlationId }),
      )
      return c.json(moved, 200)
    },
  )

  for (const [action, summary, run] of [
    ['lock', 'Let nothing be consumed from a wallet', lockWallet],
    ['unlock', 'Let a wallet be consumed from again', unlockWallet],
  ] as const)
    app.openapi(
      createRoute({
        method: 'post',
        path: `/wallets/{user_id}/${action}`,
        tags,
        summary,
        description:
          'For operators. Credits still come and expire. Asked again, it changes nothing but the reason.',
        middleware: [operating, repeatable] as const,
        request: {
          params: walletParams,
          body: { required: true, content: { 'application/json': { schema: reasonInput } } },
        },
        responses: answers,
      }),
      async (c) => {
        const { tenant, correlationId } = c.var
        const { user_id: userId } = c.req.valid('param')
        const { reason: why } = c.req.valid('json')
        const wallet = await change(tenant.projectId, userId, (held) =>
          run(held, { actor: tenant.actor, correlationId, why }),
        )
        return c.json(wallet, 200)
      },
    )

  app.openapi(
    createRoute({
      method: 'put',
      path: '/wallets/{user_id}/settings',
      tags,
      summary: 'Set what a wallet does by itself',
      description:
        'What has to stay in it, when its owner is told that it runs low, and which pack it buys then with the saved default card.',
      middleware: [using] as const,
      request: {
        params: walletParams,
        body: { required: true, content: { 'application/json': { schema: walletSettings } } },
      },
      responses: answers,
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { user_id: userId } = c.req.valid('param')
      const { minimum_balance, low_balance_threshold, auto_top_up } = c.req.valid('json')
      const settings = {
        minimumBalance: minimum_balance,
        lowBalanceThreshold: low_balance_threshold,
        autoTopUp: auto_top_up && {
          productId: auto_top_up.product_id,
          threshold: auto_top_up.threshold,
          maxPerDay: auto_top_up.max_per_day,
        },
      }
      const why = 'The wallet was set over the API.'
      const wallet = await change(tenant.projectId, userId, (held) =>
        setWallet(held, settings, { actor: tenant.actor, correlationId, why }),
      )
      return c.json(wallet, 200)
    },
  )

  /** A user may have credits before they buy anything. */
  async function change(projectId: ProjectId, userId: string, work: (held: HeldWallet) => Promise<void>) {
    const wallet = await inProject(application, projectId, async (transaction) => {
      const customer = await ensureCustomer(transaction, {
        projectId,
        userId,
        email: undefined,
        livemode,
        clockId: undefined,
      })
      await work(await holdWallet(transaction, customer))
      return showWallet(transaction, { projectId, userId, livemode })
    })
    return walletAsShown(wallet, userId)
  }

  async function move(
    projectId: ProjectId,
    userId: string,
    work: (held: HeldWallet) => Promise<WalletTransactionRow>,
  ) {
    let moved: WalletTransactionRow | undefined
    const wallet = await change(projectId, userId, async (held) => {
      moved = await work(held)
    })
    if (!moved) throw new Error('a movement was not written')
    return { ...wallet, transaction_id: moved.transactionId, occurred_at: moved.occurredAt.toISOString() }
  }
}
