import { and, eq, isNull, sql } from 'drizzle-orm'
import type { ClockId, CustomerId, PaymentId, ProjectId } from '../domain/ids.ts'
import type { Database, Transaction } from './client.ts'
import { topUps, wallets } from './schema/index.ts'

/** Packs that wallets buy by themselves, and what the sweep tells the workflows of wallets. */

export type TopUpRow = typeof topUps.$inferSelect
type TopUpKey = Pick<TopUpRow, 'projectId' | 'paymentId'>

/** @throws Error when the row is missing, which only a defect of ours can cause. */
export async function readTopUp(transaction: Transaction, key: TopUpKey): Promise<TopUpRow> {
  const [row] = await transaction.select().from(topUps).where(isTopUp(key))
  if (!row) throw new Error(`top-up ${key.paymentId} is missing`)
  return row
}

/** Changes a top-up that has not ended; an end is final. */
export async function updateTopUp(
  transaction: Transaction,
  key: TopUpKey,
  columns: Partial<TopUpRow>,
): Promise<void> {
  await transaction
    .update(topUps)
    .set(columns)
    .where(and(isTopUp(key), isNull(topUps.endedAt)))
}

export interface DueTopUp {
  projectId: ProjectId
  paymentId: PaymentId
  userId: string
  correlationId: string
}

/** Takes top-ups whose start is due and puts them off: should the start fail unseen, they come again. */
export function claimDueTopUps(
  system: Database,
  { limit, postpone_s }: { limit: number; postpone_s: number },
): Promise<DueTopUp[]> {
  const due = sql`(
    select project_id, payment_id from ${topUps} where ended_at is null and start_due_at <= now()
    order by start_due_at limit ${limit} for update skip locked)`
  return system
    .update(topUps)
    .set({ startDueAt: inSeconds(postpone_s) })
    .where(sql`(${topUps.projectId}, ${topUps.paymentId}) in ${due}`)
    .returning({
      projectId: topUps.projectId,
      paymentId: topUps.paymentId,
      userId: topUps.userId,
      correlationId: topUps.correlationId,
    })
}

/** Makes a top-up due again sooner, after a start that failed. */
export async function makeTopUpDue(system: Database, key: TopUpKey, wait_s: number): Promise<void> {
  await system
    .update(topUps)
    .set({ startDueAt: inSeconds(wait_s) })
    .where(isTopUp(key))
}

export interface WatchedWallet {
  projectId: ProjectId
  customerId: CustomerId
  userId: string
  clockId: ClockId | null
}

/** Takes wallets that got credits which can expire, and puts them off until the workflow that watches them has looked. */
export function claimWalletsToWatch(
  system: Database,
  { limit, postpone_s }: { limit: number; postpone_s: number },
): Promise<WatchedWallet[]> {
  const due = sql`(
    select project_id, customer_id from ${wallets} where expiry_due_at <= now()
    order by expiry_due_at limit ${limit} for update skip locked)`
  return system
    .update(wallets)
    .set({ expiryDueAt: inSeconds(postpone_s) })
    .where(sql`(${wallets.projectId}, ${wallets.customerId}) in ${due}`)
    .returning({
      projectId: wallets.projectId,
      customerId: wallets.customerId,
      userId: wallets.userId,
      clockId: wallets.clockId,
    })
}

const inSeconds = (wait_s: number) => sql`now() + ${wait_s} * interval '1 second'`

const isTopUp = ({ projectId, paymentId }: TopUpKey) =>
  and(eq(topUps.projectId, projectId), eq(topUps.paymentId, paymentId))
