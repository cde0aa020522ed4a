import type { ChargeOnBooks, Shelf } from '../../domain/provider-books.ts'
import { differenceKey, type Finding, type Stage } from '../../domain/reconciliation.ts'
import { compareBalanceTransactions } from './compare-balance-transactions.ts'
import { compareCharges } from './compare-charges.ts'
import { compareCustomers } from './compare-customers.ts'
import { compareDisputes } from './compare-disputes.ts'
import { compareInvoices } from './compare-invoices.ts'
import { compareRefunds } from './compare-refunds.ts'
import { compareSubscriptions } from './compare-subscriptions.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'

/** The stages that read one of Stripe's lists from its beginning to its end. */
export interface StripeStage {
  page(cursor: string | undefined): Promise<StripePage>
  /** Compares one object again, as both sides are now. */
  again(stripeId: string): Promise<Finding[]>
}

export interface StripePage extends Comparison {
  /** What was there, under each id by which our side knows it. */
  seen: string[]
  compared: number
  next?: string
}

/** The stage of that name, if it reads Stripe's lists. */
export function stripeStage(dependencies: ReconcileDependencies, stage: Stage): StripeStage | undefined {
  const { books } = dependencies
  const itself = ({ id }: { id: string }) => [id]
  const stages: Partial<Record<Stage, () => StripeStage>> = {
    customers: () => stageOf(books.customers, compareCustomers, dependencies, itself),
    subscriptions: () => stageOf(books.subscriptions, compareSubscriptions, dependencies, itself),
    invoices: () => stageOf(books.invoices, compareInvoices, dependencies, () => []),
    charges: () => stageOf(books.charges, compareCharges, dependencies, paymentIntentOf),
    refunds: () => stageOf(books.refunds, compareRefunds, dependencies, itself),
    disputes: () => stageOf(books.disputes, compareDisputes, dependencies, itself),
    balance_transactions: () =>
      stageOf(
        books.balanceTransactions,
        compareBalanceTransactions,
        dependencies,
        ({ balanceTransactionId }) => [balanceTransactionId],
      ),
  }
  return stages[stage]?.()
}

/** A payment is known by its payment intent; only one whose money was taken has been seen. */
function paymentIntentOf({ paymentIntentId, hasSucceeded }: ChargeOnBooks): string[] {
  return hasSucceeded && paymentIntentId !== undefined ? [paymentIntentId] : []
}

function stageOf<Item>(
  shelf: Shelf<Item>,
  compare: (dependencies: ReconcileDependencies, items: Item[]) => Promise<Comparison>,
  dependencies: ReconcileDependencies,
  seenAs: (item: Item) => string[],
): StripeStage {
  return {
    async page(cursor) {
      const { items, next } = await shelf.list(cursor)
      const comparison = await compare(dependencies, items)
      return {
        ...comparison,
        seen: items.flatMap(seenAs),
        compared: items.length,
        ...(next !== undefined && { next }),
      }
    },
    async again(stripeId) {
      const item = await shelf.read(stripeId)
      return item ? (await compare(dependencies, [item])).findings : []
    },
  }
}

/** Of what was found, what is still so: news that is on its way is no difference. */
export async function stillSo(stage: Pick<StripeStage, 'again'>, findings: Finding[]): Promise<Finding[]> {
  const stripeIds = new Set(findings.map(({ stripeId }) => stripeId).filter((id) => id !== undefined))
  const now: Finding[] = []
  for (const stripeId of stripeIds) now.push(...(await stage.again(stripeId)))
  const keys = new Set(findings.map(differenceKey))
  return now.filter((finding) => keys.has(differenceKey(finding)))
}
