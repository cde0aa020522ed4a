import { and, eq, isNull, sql } from 'drizzle-orm'
import type { ClockId, CustomerId, ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import { mintId } from './mint-id.ts'
import { customers, effects } from './schema/index.ts'
import { ownStripeObjects } from './stripe-objects.ts'

export type CustomerRow = typeof customers.$inferSelect

/** The customer of a project's user, made on first sight. An email given later fills one that was missing. */
export async function ensureCustomer(
  transaction: Transaction,
  customer: {
    projectId: ProjectId
    userId: string
    email: string | undefined
    livemode: boolean
    clockId: ClockId | undefined
  },
): Promise<CustomerRow> {
  const [row] = await transaction
    .insert(customers)
    .values({ ...customer, customerId: mintId('cst') })
    .onConflictDoUpdate({
      target: [customers.projectId, customers.userId, customers.livemode],
      set: { email: sql`coalesce(${customers.email}, excluded.email)` },
    })
    .returning()
  if (!row) throw new Error('a customer was neither made nor found')
  return row
}

export async function readCustomer(
  transaction: Transaction,
  projectId: ProjectId,
  customerId: CustomerId,
): Promise<CustomerRow> {
  const [row] = await transaction.select().from(customers).where(isCustomer(projectId, customerId))
  if (!row) throw new Error(`customer ${customerId} is missing`)
  return row
}

export async function findCustomerOfUser(
  transaction: Transaction,
  projectId: ProjectId,
  { userId, livemode }: { userId: string; livemode: boolean },
): Promise<CustomerRow | undefined> {
  const [row] = await transaction
    .select()
    .from(customers)
    .where(
      and(eq(customers.projectId, projectId), eq(customers.userId, userId), eq(customers.livemode, livemode)),
    )
  return row
}

/** Holds the customer's row to the end of the transaction: what adds up over all subscriptions of a user (roles) is
 *  worked out by one transaction at a time. Its key is left to others: rows that name the customer ask for it when they are
 *  written, also by who has told of something already and holds the user's place in the outbox, for which we would wait. */
export async function lockCustomer(
  transaction: Transaction,
  projectId: ProjectId,
  customerId: CustomerId,
): Promise<CustomerRow> {
  const [row] = await transaction
    .select()
    .from(customers)
    .where(isCustomer(projectId, customerId))
    .for('no key update')
  if (!row) throw new Error(`customer ${customerId} is missing`)
  return row
}

export async function setStripeCustomer(
  transaction: Transaction,
  customer: Pick<CustomerRow, 'projectId' | 'customerId' | 'livemode'>,
  stripeCustomerId: string,
): Promise<void> {
  const { projectId, customerId, livemode } = customer
  await transaction
    .update(customers)
    .set({ stripeCustomerId })
    .where(and(isCustomer(projectId, customerId), isNull(customers.stripeCustomerId)))
  await ownStripeObjects(transaction, { projectId, ownerId: customerId, livemode }, [stripeCustomerId])
}

/** Forgets the customer at the provider, who is gone, so that another one is made under a key of its own. That it was theirs is
 *  remembered. Of several who find it gone at once, one forgets it. */
export async function forgetStripeCustomer(
  transaction: Transaction,
  { projectId, customerId }: Pick<CustomerRow, 'projectId' | 'customerId'>,
  gone: { stripeCustomerId: string; effectIntent: string },
): Promise<void> {
  const forgotten = await transaction
    .update(customers)
    .set({ stripeCustomerId: null })
    .where(and(isCustomer(projectId, customerId), eq(customers.stripeCustomerId, gone.stripeCustomerId)))
    .returning({ customerId: customers.customerId })
  if (forgotten.length === 0) return
  await transaction
    .update(effects)
    .set({ ordinal: sql`${effects.ordinal} + 1`, triedAt: sql`now()` })
    .where(and(eq(effects.projectId, projectId), eq(effects.intent, gone.effectIntent)))
}

const isCustomer = (projectId: ProjectId, customerId: CustomerId) =>
  and(eq(customers.projectId, projectId), eq(customers.customerId, customerId))
