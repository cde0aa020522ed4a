import { listBalanceTransactions } from '../../db/balance-transactions.ts'
import { inProject, type Transaction } from '../../db/client.ts'
import {
  customersWithStripe,
  disputesWithStripe,
  paidPayments,
  refundsWithStripe,
  subscriptionsWithStripe,
} from '../../db/own-pages.ts'
import { projectAfter } from '../../db/projects.ts'
import { listUnseen } from '../../db/reconciliations.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { DifferenceKind, Finding, Stage, Value } from '../../domain/reconciliation.ts'
import type { ReconcileDependencies } from './dependencies.ts'

/** The other direction: what is ours and was not seen at Stripe in this run. Almost everything was; the rest is asked for one
 *  by one, because it may have been made while the lists were read. */

/** Rows in a page. */
const PAGE = 200

export interface OwnPage {
  findings: Finding[]
  compared: number
  calls: number
  next?: string
}

interface OwnRow {
  id: string
  userId: string
  stripeId: string | null
  ours?: Value
}

type ListRows = (
  transaction: Transaction,
  projectId: ProjectId,
  page: { livemode: boolean; after: string; limit: number },
) => Promise<OwnRow[]>

/** @returns what is wrong with one that was not seen, if anything. */
type Ask = (dependencies: ReconcileDependencies, stripeId: string) => Promise<DifferenceKind | undefined>

interface OwnStage {
  list: ListRows
  ask: Ask
}

export const ownStages = {
  our_customers: {
    list: customersWithStripe,
    ask: async ({ books }, id) => {
      const customer = await books.customers.read(id)
      if (!customer) return 'customer_missing_at_stripe'
      return customer.isDeleted ? 'customer_deleted' : undefined
    },
  },
  our_subscriptions: {
    list: subscriptionsWithStripe,
    ask: async ({ books }, id) =>
      (await books.subscriptions.read(id)) ? undefined : 'subscription_missing_at_stripe',
  },
  our_payments: {
    list: async (transaction, projectId, page) =>
      (await paidPayments(transaction, projectId, page)).map(({ amountReceived, currency, ...row }) => ({
        ...row,
        ours: { amount: amountReceived, currency },
      })),
    ask: async ({ books }, paymentIntentId) =>
      (await books.isCharged(paymentIntentId)) ? undefined : 'payment_without_charge',
  },
  our_disputes: {
    list: disputesWithStripe,
    ask: async ({ books }, id) => ((await books.disputes.read(id)) ? undefined : 'dispute_missing_at_stripe'),
  },
  our_refunds: {
    list: refundsWithStripe,
    ask: async ({ books }, id) => ((await books.refunds.read(id)) ? undefined : 'refund_missing_at_stripe'),
  },
} satisfies Partial<Record<Stage, OwnStage>>
export type OwnStageName = keyof typeof ownStages

export const isOwnStage = (stage: Stage): stage is OwnStageName => stage in ownStages

/** One page of one project. The cursor names both: `{project}:{last id}`. */
export async function lookForOurs(
  dependencies: ReconcileDependencies,
  stage: OwnStageName,
  { reconciliationId, cursor }: { reconciliationId: string; cursor: string | undefined },
): Promise<OwnPage> {
  const { database, system, livemode } = dependencies
  const { list, ask }: OwnStage = ownStages[stage]
  const [current = '', after = ''] = cursor?.split(':') ?? []
  const projectId = current === '' ? await projectAfter(system, '') : (current as ProjectId)
  if (projectId === undefined) return { findings: [], compared: 0, calls: 0 }
  const rows = await inProject(database, projectId, (transaction) =>
    list(transaction, projectId, { livemode, after, limit: PAGE }),
  )
  const stripeIds = rows.map(({ stripeId }) => stripeId).filter((id) => id !== null)
  const unseen = new Set(await listUnseen(system, reconciliationId, stripeIds))
  const findings: Finding[] = []
  for (const { id, userId, stripeId, ours } of rows) {
    const kind =
      stripeId === null
        ? 'payment_without_charge'
        : unseen.has(stripeId) && (await ask(dependencies, stripeId))
    if (kind)
      findings.push({
        kind,
        stage,
        projectId,
        userId,
        subjectId: id,
        ...(stripeId !== null && { stripeId }),
        ...(ours && { ours }),
      })
  }
  const last = rows.at(-1)
  const nextProject = rows.length < PAGE ? await projectAfter(system, projectId) : undefined
  const next = rows.length < PAGE ? nextProject && `${nextProject}:` : `${projectId}:${last?.id ?? ''}`
  return { findings, compared: rows.length, calls: unseen.size, ...(next && { next }) }
}

/** Changes of the balance are the whole installation's. */
export async function lookForTransactions(
  { system, books, livemode }: ReconcileDependencies,
  { reconciliationId, cursor = '' }: { reconciliationId: string; cursor: string | undefined },
): Promise<OwnPage> {
  const rows = await listBalanceTransactions(system, { livemode, after: cursor, limit: PAGE })
  const ids = rows.map(({ balanceTransactionId }) => balanceTransactionId)
  const unseen = new Set(await listUnseen(system, reconciliationId, ids))
  const findings: Finding[] = []
  for (const { balanceTransactionId, projectId, userId, amount, currency } of rows) {
    if (!unseen.has(balanceTransactionId)) continue
    if (await books.balanceTransactions.read(balanceTransactionId)) continue
    findings.push({
      kind: 'balance_transaction_gone',
      stage: 'our_balance_transactions',
      projectId,
      userId,
      stripeId: balanceTransactionId,
      ours: { amount, currency },
    })
  }
  const next = rows.length < PAGE ? undefined : ids.at(-1)
  return { findings, compared: rows.length, calls: unseen.size, ...(next && { next }) }
}
