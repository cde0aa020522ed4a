import { and, eq } from 'drizzle-orm'
import {
  expiredLots,
  type LotChange,
  type MovementKind,
  creditTransfers,
  takeCredits,
} from '../domain/credits.ts'
import type { CreditsData } from '../domain/event-data.ts'
import type { EventDraft } from '../domain/events.ts'
import type { WalletTransactionId } from '../domain/ids.ts'
import type { Transfer } from '../domain/ledger.ts'
import { enterLedger } from './ledger.ts'
import { deriveId } from './mint-id.ts'
import { appendEvents } from './outbox.ts'
import { creditLots, walletTransactions } from './schema/index.ts'
import {
  findWalletTransaction,
  type HeldWallet,
  listOpenLots,
  type LotRow,
  updateWallet,
  type WalletOwner,
  type WalletTransactionRow,
} from './wallets.ts'

/** One movement of a wallet, with all that follows from it: lots, balance, the transaction, its ledger entry and its events. */
export interface Movement {
  kind: MovementKind
  /** Micro-dollars; negative where they go. */
  amount: number
  /** Names it for ever within the wallet: `grant/welcome`. */
  intent: string
  reference: string
  description?: string | undefined
  /** The lot that it brings. */
  brings?: Pick<LotRow, 'kind'> & Partial<Pick<LotRow, 'expiresAt' | 'paymentId' | 'price' | 'currency'>>
  /** What changes about lots that are there. */
  touches?: { lot: LotRow; credits: number; set: Partial<LotRow> }[]
  transfers: Transfer[]
  money?: { amountMinor: number; currency: string }
  actor: string
  correlationId: string
  occurredAt?: Date
  event: (data: CreditsData) => EventDraft
}

/** The same for the same thing, so that it can move credits only once. */
export const walletTransactionId = (
  { projectId, userId, livemode }: WalletOwner,
  intent: string,
): WalletTransactionId => deriveId('wtx', projectId, livemode ? 'live' : 'test', userId, intent)

/** What an earlier call with this intent has moved. */
export const findMovement = (
  { transaction, wallet }: HeldWallet,
  intent: string,
): Promise<WalletTransactionRow | undefined> =>
  findWalletTransaction(transaction, {
    projectId: wallet.projectId,
    transactionId: walletTransactionId(wallet, intent),
  })

/** Writes one movement.
 *  @returns the wallet as it is afterwards, still held. */
export async function moveCredits(held: HeldWallet, movement: Movement): Promise<HeldWallet> {
  const { transaction, wallet, at } = held
  const { projectId, customerId, userId, lowBalanceThreshold } = wallet
  const { kind, amount, touches = [], brings, actor, correlationId, occurredAt = at } = movement
  const transactionId = walletTransactionId(wallet, movement.intent)
  const number = wallet.movements + 1
  const balance = wallet.balance + amount
  const isLow = lowBalanceThreshold !== null && balance < lowBalanceThreshold
  const moved = await updateWallet(transaction, wallet, {
    balance,
    movements: number,
    lowSince: isLow ? (wallet.lowSince ?? at) : null,
  })
  for (const { lot, set } of touches) await updateLot(held, lot, set)
  if (brings)
    await transaction
      .insert(creditLots)
      .values({ ...brings, projectId, customerId, number, amount, remaining: amount })
  await transaction.insert(walletTransactions).values({
    projectId,
    transactionId,
    customerId,
    number,
    kind,
    amount,
    balanceAfter: balance,
    reference: movement.reference,
    description: movement.description ?? null,
    lots: brings
      ? [{ number, credits: amount }]
      : touches.map(({ lot, credits }) => ({ number: lot.number, credits })),
    moneyMinor: movement.money?.amountMinor ?? null,
    moneyCurrency: movement.money?.currency ?? null,
    actor,
    correlationId,
    occurredAt,
  })
  await enterLedger(transaction, {
    projectId,
    userId,
    intent: transactionId,
    occurredAt,
    transfers: movement.transfers,
  })
  const data = { user_id: userId, transaction_id: transactionId, amount: Math.abs(amount), balance }
  await appendEvents(transaction, { projectId, userId, correlationId, intent: transactionId, occurredAt }, [
    movement.event(data),
    ...(isLow && wallet.lowSince === null
      ? [
          {
            type: 'credits.low_balance' as const,
            subject: userId,
            data: { user_id: userId, balance, threshold: lowBalanceThreshold },
          },
        ]
      : []),
  ])
  return { ...held, wallet: moved, lots: await listOpenLots(transaction, wallet) }
}

/** What leaves a lot for good: spent, expired or taken by an operator. */
export const leaving = (changes: LotChange<LotRow>[], at: Date): NonNullable<Movement['touches']> =>
  changes.map(({ lot, credits, earns }) => ({
    lot,
    credits,
    set: {
      remaining: lot.remaining - credits,
      earned: lot.earned + earns,
      ...(lot.remaining === credits && { emptyAt: at }),
    },
  }))

/** Records each lot whose time is over, as of that moment. What it was paid for is earned: nothing is owed for it any more. */
export async function expireCredits(held: HeldWallet): Promise<HeldWallet> {
  let current = held
  for (const lot of expiredLots(held.lots, held.at)) {
    const { expiresAt, remaining, number } = lot
    const changes = takeCredits([lot], remaining)
    current = await moveCredits(current, {
      kind: 'expiry',
      amount: -remaining,
      // A refund that fails gives credits back to a lot, which may then expire a second time.
      intent: `expiry/${number}/${current.wallet.movements + 1}`,
      reference: String(number),
      touches: leaving(changes, held.at),
      transfers: creditTransfers('expiry', -remaining, changes),
      actor: 'quittance',
      correlationId: walletTransactionId(held.wallet, `lot/${number}`),
      occurredAt: expiresAt ?? held.at,
      event: (data) => ({ type: 'credits.expired', subject: data.user_id, data }),
    })
  }
  return current
}

async function updateLot(
  { transaction }: HeldWallet,
  { projectId, customerId, number }: LotRow,
  set: Partial<LotRow>,
): Promise<void> {
  await transaction
    .update(creditLots)
    .set(set)
    .where(
      and(
        eq(creditLots.projectId, projectId),
        eq(creditLots.customerId, customerId),
        eq(creditLots.number, number),
      ),
    )
}
