import { and, eq, inArray } from 'drizzle-orm'
import type { CustomerId, DisputeId, PaymentId, ProjectId, RefundId, SubscriptionId } from '../domain/ids.ts'
import type { Database, Transaction } from './client.ts'
import { stripeObjects } from './schema/index.ts'

export type OwnerId = PaymentId | SubscriptionId | CustomerId | RefundId | DisputeId

/** Remembers whose Stripe objects these are. The first owner stays: an object never changes hands. */
export async function ownStripeObjects(
  transaction: Transaction,
  owner: { projectId: ProjectId; ownerId: OwnerId; livemode: boolean },
  stripeIds: (string | null | undefined)[],
): Promise<void> {
  const rows = stripeIds.filter((id): id is string => Boolean(id)).map((stripeId) => ({ ...owner, stripeId }))
  if (rows.length > 0) await transaction.insert(stripeObjects).values(rows).onConflictDoNothing()
}

/** The owner of the first of these objects that we know, in the order given. For the inbox, before a tenant is known. */
export async function findOwner(
  system: Database,
  objects: { stripeIds: string[]; livemode: boolean },
): Promise<{ projectId: ProjectId; ownerId: OwnerId } | undefined> {
  if (objects.stripeIds.length === 0) return undefined
  const rows = await system
    .select()
    .from(stripeObjects)
    .where(
      and(inArray(stripeObjects.stripeId, objects.stripeIds), eq(stripeObjects.livemode, objects.livemode)),
    )
  return objects.stripeIds
    .map((id) => rows.find((row) => row.stripeId === id))
    .find((row) => row !== undefined)
}

/** The owners of all of these objects that we know. */
export async function findOwners(
  system: Database,
  { stripeIds, livemode }: { stripeIds: string[]; livemode: boolean },
): Promise<Map<string, { projectId: ProjectId; ownerId: OwnerId }>> {
  if (stripeIds.length === 0) return new Map()
  const rows = await system
    .select()
    .from(stripeObjects)
    .where(and(inArray(stripeObjects.stripeId, stripeIds), eq(stripeObjects.livemode, livemode)))
  return new Map(rows.map(({ stripeId, projectId, ownerId }) => [stripeId, { projectId, ownerId }]))
}
