import { and, eq } from 'drizzle-orm'
import type { PaymentType } from '../domain/catalog.ts'
import type { CustomerId, PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { ChargeSnapshot } from '../domain/refunds.ts'
import type { Transaction } from './client.ts'
import { charges } from './schema/index.ts'
import { ownStripeObjects } from './stripe-objects.ts'

export type ChargeRow = typeof charges.$inferSelect

/** Whose charge it is, and what it paid for. */
export interface ChargeOwner {
  projectId: ProjectId
  customerId: CustomerId
  userId: string
  livemode: boolean
  type: PaymentType
  paymentId: PaymentId | null
  subscriptionId: SubscriptionId | null
  invoiceId: string | null
  correlationId: string
}

/** Remembers a charge that somebody wants back, and holds its row to the end of the transaction: whoever else reckons what is
 *  left of it waits. */
export async function lockCharge(
  transaction: Transaction,
  owner: ChargeOwner,
  seen: ChargeSnapshot,
): Promise<ChargeRow> {
  const { projectId, livemode } = owner
  const inserted = await transaction
    .insert(charges)
    .values({
      ...owner,
      stripeChargeId: seen.stripeChargeId,
      amount: seen.captured.amountMinor,
      currency: seen.captured.currency,
      tax: seen.tax,
      capturedAt: new Date(seen.capturedAt),
    })
    .onConflictDoNothing()
    .returning()
  const ownerId = owner.subscriptionId ?? owner.paymentId
  if (inserted.length > 0 && ownerId !== null)
    await ownStripeObjects(transaction, { projectId, ownerId, livemode }, [
      seen.stripeChargeId,
      seen.stripePaymentIntentId,
    ])
  const [row] = await transaction
    .select()
    .from(charges)
    .where(and(eq(charges.projectId, projectId), eq(charges.stripeChargeId, seen.stripeChargeId)))
    .for('update')
  if (!row) throw new Error(`charge ${seen.stripeChargeId} is missing`)
  return row
}

export async function readCharge(
  transaction: Transaction,
  projectId: ProjectId,
  stripeChargeId: string,
): Promise<ChargeRow> {
  const [row] = await transaction
    .select()
    .from(charges)
    .where(and(eq(charges.projectId, projectId), eq(charges.stripeChargeId, stripeChargeId)))
  if (!row) throw new Error(`charge ${stripeChargeId} is missing`)
  return row
}
