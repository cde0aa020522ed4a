import { and, asc, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { ProjectId } from '../domain/ids.ts'
import type { Transaction } from './client.ts'
import type { CustomerRow } from './customers.ts'
import { creditLots, wallets, walletTransactions } from './schema/index.ts'

export type WalletRow = typeof wallets.$inferSelect
export type LotRow = typeof creditLots.$inferSelect
export type WalletTransactionRow = typeof walletTransactions.$inferSelect
export type WalletKey = Pick<WalletRow, 'projectId' | 'customerId'>

/** Whose wallet it is, by the project's own name. */
export interface WalletOwner {
  projectId: ProjectId
  userId: string
  livemode: boolean
}

/** A wallet as its owner sees it; the database's `show_wallet` makes it. Credits in micro-dollars. */
export interface ShownWallet {
  user_id: string
  balance: number
  /** What can be consumed: the balance less what has to stay. */
  available: number
  locked: boolean
  lock_reason: string | null
  minimum_balance: number
  low_balance_threshold: number | null
  auto_top_up: { product_id: string; threshold: number; max_per_day: number; stopped: string | null } | null
  /** Soonest to expire first. */
  lots: { amount: number; remaining: number; kind: LotRow['kind']; expires_at: string | null }[]
}

/** A wallet with its open lots, held to the end of the transaction. */
export interface HeldWallet {
  transaction: Transaction
  wallet: WalletRow
  /** Lots that hold something, soonest to expire first. */
  lots: LotRow[]
  /** The customer's time at which the lock was got: that of their test clock, if they hang on one. */
  at: Date
}

/** @returns `undefined` for a user who never had credits. */
export async function showWallet(
  transaction: Transaction,
  owner: WalletOwner,
): Promise<ShownWallet | undefined> {
  const [row] = await transaction
    .select({ shown: sql<ShownWallet>`show_wallet(${wallets}, time_on(${wallets.clockId}))` })
    .from(wallets)
    .where(isOf(owner))
  return row?.shown
}

export async function findWallet(
  transaction: Transaction,
  owner: WalletOwner,
): Promise<WalletRow | undefined> {
  const [row] = await transaction.select().from(wallets).where(isOf(owner))
  return row
}

/** Holds the wallet of a customer, which is made on first need. To be taken before the first event of the transaction is
 *  written: consuming takes the wallet's lock first and the outbox's second. */
export async function holdWallet(
  transaction: Transaction,
  { projectId, customerId, userId, livemode, clockId }: CustomerRow,
): Promise<HeldWallet> {
  const made = { projectId, customerId, userId, livemode, clockId }
  await transaction.insert(wallets).values(made).onConflictDoNothing()
  return holdKnownWallet(transaction, { projectId, customerId })
}

/** The same for a wallet that is there.
 *  @throws Error when it is missing, which only a defect of ours can cause. */
export async function holdKnownWallet(transaction: Transaction, key: WalletKey): Promise<HeldWallet> {
  const [wallet] = await transaction.select().from(wallets).where(isWallet(key)).for('update')
  if (!wallet) throw new Error(`the wallet of ${key.customerId} is missing`)
  // Asked once the lock is held: who waits for it must not find in time what has expired meanwhile.
  const [[time], lots] = await Promise.all([
    transaction.execute<{ at: string }>(sql`select in_rfc_3339(time_on(${wallet.clockId})) as at`),
    listOpenLots(transaction, key),
  ])
  return { transaction, wallet, lots, at: new Date(String(time?.at)) }
}

export function listOpenLots(transaction: Transaction, key: WalletKey): Promise<LotRow[]> {
  return transaction
    .select()
    .from(creditLots)
    .where(and(isLotOf(key), isNull(creditLots.emptyAt)))
    .orderBy(sql`${creditLots.expiresAt} asc nulls last`, asc(creditLots.number))
}

export async function readLot(transaction: Transaction, key: WalletKey, number: number): Promise<LotRow> {
  const [row] = await transaction
    .select()
    .from(creditLots)
    .where(and(isLotOf(key), eq(creditLots.number, number)))
  if (!row) throw new Error(`lot ${number} of ${key.customerId} is missing`)
  return row
}

/** The lot that a payment bought; `undefined` for a payment that bought none. */
export async function findLotOfPayment(
  transaction: Transaction,
  { projectId, paymentId }: Pick<LotRow, 'projectId' | 'paymentId'>,
): Promise<LotRow | undefined> {
  if (paymentId === null) return undefined
  const [row] = await transaction
    .select()
    .from(creditLots)
    .where(and(eq(creditLots.projectId, projectId), eq(creditLots.paymentId, paymentId)))
  return row
}

export async function updateWallet(
  transaction: Transaction,
  key: WalletKey,
  columns: Partial<WalletRow>,
): Promise<WalletRow> {
  const [row] = await transaction.update(wallets).set(columns).where(isWallet(key)).returning()
  if (!row) throw new Error(`the wallet of ${key.customerId} is missing`)
  return row
}

export async function findWalletTransaction(
  transaction: Transaction,
  { projectId, transactionId }: Pick<WalletTransactionRow, 'projectId' | 'transactionId'>,
): Promise<WalletTransactionRow | undefined> {
  const [row] = await transaction
    .select()
    .from(walletTransactions)
    .where(
      and(eq(walletTransactions.projectId, projectId), eq(walletTransactions.transactionId, transactionId)),
    )
  return row
}

/** Movements of a wallet, newest first. */
export function listWalletTransactions(
  transaction: Transaction,
  { projectId, customerId }: WalletKey,
  { limit, before }: { limit: number; before: number | undefined },
): Promise<WalletTransactionRow[]> {
  return transaction
    .select()
    .from(walletTransactions)
    .where(
      and(
        eq(walletTransactions.projectId, projectId),
        eq(walletTransactions.customerId, customerId),
        before === undefined ? undefined : lt(walletTransactions.number, before),
      ),
    )
    .orderBy(desc(walletTransactions.number))
    .limit(limit)
}

const isOf = ({ projectId, userId, livemode }: WalletOwner) =>
  and(eq(wallets.projectId, projectId), eq(wallets.userId, userId), eq(wallets.livemode, livemode))

export const isWallet = ({ projectId, customerId }: WalletKey) =>
  and(eq(wallets.projectId, projectId), eq(wallets.customerId, customerId))

const isLotOf = ({ projectId, customerId }: WalletKey) =>
  and(eq(creditLots.projectId, projectId), eq(creditLots.customerId, customerId))
