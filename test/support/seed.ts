import { type Connections, connect, inProject } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { acceptPayment, type PaymentRow } from '../../db/payments.ts'
import { findLatestPlan, findProduct, toPlan, toProduct } from '../../db/catalog.ts'
import { plans, products, projects } from '../../db/schema/index.ts'
import type { Purchase } from '../../domain/catalog.ts'
import type { ClockId, ProjectId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { createDatabase, type TestDatabase } from './stack.ts'

export interface Seeded {
  database: TestDatabase
  connections: Connections
  close(): Promise<void>
}

/** A database of its own with the product's own connections to it. */
export async function openDatabase(poolSize = 5): Promise<Seeded> {
  const database = await createDatabase()
  const connections = connect({ ...database, poolSize, applicationName: 'test' })
  return {
    database,
    connections,
    async close() {
      await connections.close()
      await database.drop()
    },
  }
}

/** A project with a plan `pro` that brings the role `pro`, a plan `team` that brings `pro` and `team`, a product `book`, and a
 *  pack of `credits`. */
export async function seedProject({ connections }: Seeded): Promise<ProjectId> {
  const projectId = mintId('prj')
  await inProject(connections.application, projectId, async (transaction) => {
    await transaction.insert(projects).values({ projectId, name: 'Test', currency: 'brl' })
    const plan = {
      projectId,
      version: 1,
      currency: 'brl',
      interval: 'month' as const,
      trialDays: 0,
      limits: {},
    }
    await transaction.insert(plans).values([
      { ...plan, planId: 'pro', name: 'Pro', amount: 9900, roles: ['pro'] },
      { ...plan, planId: 'team', name: 'Team', amount: 49900, roles: ['pro', 'team'] },
    ])
    await transaction.insert(products).values([
      { projectId, productId: 'book', name: 'Book', amount: 2500, currency: 'brl' },
      {
        projectId,
        productId: 'credits',
        name: 'Credits',
        amount: 2500,
        currency: 'brl',
        creditsMicroUsd: 5_000_000,
      },
    ])
  })
  return projectId
}

export interface SeedPayment {
  buys?: { plan: string } | { product: string } | { amount: number }
  userId?: string
  /** The test clock that the user joins. */
  clockId?: ClockId
}

/** A payment accepted as the API accepts one. */
export async function seedPayment(
  { connections }: Seeded,
  projectId: ProjectId,
  { buys = { plan: 'pro' }, userId = 'user-1', clockId }: SeedPayment = {},
): Promise<PaymentRow> {
  return inProject(connections.application, projectId, async (transaction) => {
    const purchase = await purchaseOf()
    return acceptPayment(transaction, {
      projectId,
      paymentId: mintId('pay'),
      subscriptionId: purchase.kind === 'plan' ? mintId('sbs') : undefined,
      userId,
      email: `${userId}@example.com`,
      livemode: false,
      clockId,
      purchase,
      successUrl: 'https://example.com/done',
      cancelUrl: 'https://example.com/cancel',
      metadata: { order: '7' },
      correlationId: 'corr-1',
      actor: 'key_test',
    })

    async function purchaseOf(): Promise<Purchase> {
      if ('plan' in buys) {
        const plan = await findLatestPlan(transaction, projectId, buys.plan)
        if (!plan) throw new Error(`no plan ${buys.plan}`)
        return { kind: 'plan', plan: toPlan(plan), quantity: 1 }
      }
      if ('product' in buys) {
        const product = await findProduct(transaction, projectId, buys.product)
        if (!product) throw new Error(`no product ${buys.product}`)
        return { kind: 'product', product: toProduct(product), quantity: 1 }
      }
      return {
        kind: 'amount',
        description: 'A thing',
        price: money(buys.amount, currency('brl')),
        quantity: 1,
      }
    }
  })
}
