import { BillingError } from '../domain/errors.ts'
import { writeAudit } from './audit.ts'
import { findProduct } from './catalog.ts'
import { type HeldWallet, updateWallet, type WalletRow } from './wallets.ts'

/** What holds for a wallet until it is set anew: what has to stay in it, when its owner is told, what it buys by itself. */
export interface WalletSettings {
  minimumBalance: number
  lowBalanceThreshold: number | null
  autoTopUp: { productId: string; threshold: number; maxPerDay: number } | null
}

interface Asked {
  actor: string
  correlationId: string
  why: string
}

/** @throws BillingError `product_not_found`, or `invalid_request` for a product that brings no credits. */
export async function setWallet(
  held: HeldWallet,
  { minimumBalance, lowBalanceThreshold, autoTopUp }: WalletSettings,
  asked: Asked,
): Promise<void> {
  if (autoTopUp) await mustBePack(held, autoTopUp.productId)
  const { balance, lowSince } = held.wallet
  const isLow = lowBalanceThreshold !== null && balance < lowBalanceThreshold
  await change(held, 'wallet.set', asked, {
    minimumBalance,
    lowBalanceThreshold,
    // Below a threshold that is new, it is told at the next movement.
    lowSince: isLow ? lowSince : null,
    topUpProductId: autoTopUp?.productId ?? null,
    topUpThreshold: autoTopUp?.threshold ?? null,
    topUpMaxPerDay: autoTopUp?.maxPerDay ?? null,
    topUpStopped: null,
  })
}

/** Nothing is consumed from a locked wallet; credits still come and expire. Locking it again changes the reason. */
export const lockWallet = (held: HeldWallet, asked: Asked): Promise<void> =>
  change(held, 'wallet.locked', asked, { lockedAt: held.wallet.lockedAt ?? held.at, lockReason: asked.why })

/** Unlocking a wallet that is not locked changes nothing. */
export async function unlockWallet(held: HeldWallet, asked: Asked): Promise<void> {
  if (held.wallet.lockedAt === null) return
  await change(held, 'wallet.unlocked', asked, { lockedAt: null, lockReason: null })
}

async function change(
  { transaction, wallet, at }: HeldWallet,
  action: string,
  { actor, correlationId, why }: Asked,
  columns: Partial<WalletRow>,
): Promise<void> {
  const { projectId, customerId } = wallet
  const changed = await updateWallet(transaction, wallet, columns)
  await writeAudit(transaction, {
    projectId,
    actor,
    action,
    subjectId: customerId,
    why,
    correlationId,
    stripeIds: [],
    before: audited(wallet),
    after: audited(changed),
    occurredAt: at,
  })
}

async function mustBePack({ transaction, wallet }: HeldWallet, productId: string): Promise<void> {
  const product = await findProduct(transaction, wallet.projectId, productId)
  const path = 'auto_top_up.product_id'
  if (!product)
    throw new BillingError('product_not_found', {
      fields: [{ path, message: `${path} must name a product of this project; there is no "${productId}".` }],
    })
  if (product.creditsMicroUsd === null)
    throw new BillingError('invalid_request', {
      fields: [{ path, message: `${path} must name a pack of credits; "${productId}" brings none.` }],
    })
}

const audited = (wallet: WalletRow) => ({
  locked: wallet.lockedAt !== null,
  lock_reason: wallet.lockReason,
  minimum_balance: wallet.minimumBalance,
  low_balance_threshold: wallet.lowBalanceThreshold,
  top_up_product_id: wallet.topUpProductId,
  top_up_threshold: wallet.topUpThreshold,
  top_up_max_per_day: wallet.topUpMaxPerDay,
})
