import { balanceAt, creditTransfers, takeCredits } from '../domain/credits.ts'
import { BillingError } from '../domain/errors.ts'
import type { PaymentId } from '../domain/ids.ts'
import type { Money } from '../domain/money.ts'
import { writeAudit } from './audit.ts'
import { expireCredits, findMovement, leaving, moveCredits } from './move-credits.ts'
import { makeDue } from './test-clocks.ts'
import { type HeldWallet, readLot, updateWallet, type WalletTransactionRow } from './wallets.ts'

/** What brings credits into a wallet, and what an operator does about them. Each is done once for its id, for ever. */

interface Asked {
  actor: string
  correlationId: string
}

/** Credits that were paid for. They never expire. */
export async function addPurchase(
  held: HeldWallet,
  purchase: Asked & {
    paymentId: PaymentId
    productId: string | undefined
    credits: number
    received: Money
    isTopUp: boolean
  },
): Promise<void> {
  const { paymentId, productId, credits, received, isTopUp, ...asked } = purchase
  const intent = `purchase/${paymentId}`
  if (await findMovement(held, intent)) return
  const { amountMinor: price, currency } = received
  const { transaction, wallet } = await moveCredits(await expireCredits(held), {
    ...asked,
    kind: 'purchase',
    amount: credits,
    intent,
    reference: paymentId,
    brings: { kind: 'purchase', paymentId, price, currency },
    transfers: creditTransfers('purchase', credits),
    money: received,
    event: (data) => ({
      type: 'credits.purchased',
      subject: data.user_id,
      data: {
        ...data,
        payment_id: paymentId,
        ...(productId !== undefined && { product_id: productId }),
        price,
        currency,
        auto_top_up: isTopUp,
      },
    }),
  })
  // Whoever has just paid has a card that works: topping up goes on.
  if (wallet.topUpStopped !== null) await updateWallet(transaction, wallet, { topUpStopped: null })
}

export interface Grant {
  grantId: string
  kind: 'bonus' | 'promotion'
  amount: number
  expiresAt: Date | undefined
  reason: string
  /** The workflow that watches for expiry: on a test clock, time waits until it knows of this lot. */
  watchedBy: string
}

/** Credits that nobody paid for.
 *  @throws BillingError `grant_id_reused` for a grant that was made with other contents, `invalid_request` for one that has expired. */
export async function grantCredits(held: HeldWallet, grant: Grant & Asked): Promise<WalletTransactionRow> {
  const { grantId, kind, amount, expiresAt, reason, watchedBy, ...asked } = grant
  const intent = `grant/${grantId}`
  const earlier = await findMovement(held, intent)
  if (earlier) {
    const lot = await readLot(held.transaction, held.wallet, earlier.number)
    const isSame =
      earlier.amount === amount && earlier.kind === kind && lot.expiresAt?.getTime() === expiresAt?.getTime()
    if (!isSame) throw new BillingError('grant_id_reused')
    return earlier
  }
  if (expiresAt && expiresAt <= held.at)
    throw new BillingError('invalid_request', {
      fields: [
        { path: 'expires_at', message: `expires_at must be after ${held.at.toISOString()}, which is now.` },
      ],
    })
  const after = await moveCredits(await expireCredits(held), {
    ...asked,
    kind,
    amount,
    intent,
    reference: grantId,
    description: reason,
    brings: { kind, expiresAt: expiresAt ?? null },
    transfers: creditTransfers(kind, amount),
    event: (data) => ({
      type: 'credits.granted',
      subject: data.user_id,
      data: {
        ...data,
        grant_id: grantId,
        kind,
        ...(expiresAt && { expires_at: expiresAt.toISOString() }),
        reason,
      },
    }),
  })
  if (expiresAt) await watchExpiry(after, watchedBy)
  await audited(held, after, { ...asked, action: 'credits.granted', why: reason })
  return written(after, intent)
}

/** Credits that an operator adds, or takes in the order of spending.
 *  @throws BillingError `adjustment_id_reused`, or `insufficient_credits` where more is to be taken than there is. */
export async function adjustCredits(
  held: HeldWallet,
  adjustment: Asked & { adjustmentId: string; amount: number; reason: string },
): Promise<WalletTransactionRow> {
  const { adjustmentId, amount, reason, ...asked } = adjustment
  const intent = `adjustment/${adjustmentId}`
  const earlier = await findMovement(held, intent)
  if (earlier) {
    if (earlier.amount !== amount) throw new BillingError('adjustment_id_reused')
    return earlier
  }
  const current = await expireCredits(held)
  const balance = balanceAt(current.lots, current.at)
  if (balance + amount < 0) throw insufficient(balance)
  const changes = amount < 0 ? takeCredits(current.lots, -amount) : []
  const after = await moveCredits(current, {
    ...asked,
    kind: 'adjustment',
    amount,
    intent,
    reference: adjustmentId,
    description: reason,
    ...(amount > 0 ? { brings: { kind: 'adjustment' } } : { touches: leaving(changes, current.at) }),
    transfers: creditTransfers('adjustment', amount, changes),
    event: (data) => ({
      type: 'credits.adjusted',
      subject: data.user_id,
      data: { ...data, amount, adjustment_id: adjustmentId, reason },
    }),
  })
  await audited(held, after, { ...asked, action: 'credits.adjusted', why: reason })
  return written(after, intent)
}

export const insufficient = (available: number): BillingError =>
  new BillingError('insufficient_credits', {
    detail: `The wallet has ${available} micro-dollars of credits left that may be used.`,
    facts: { available },
  })

/** A lot that can expire is there: the sweep tells the workflow that watches. */
async function watchExpiry({ transaction, wallet, at }: HeldWallet, watchedBy: string): Promise<void> {
  await updateWallet(transaction, wallet, { expiryDueAt: new Date() })
  const { projectId, clockId } = wallet
  if (clockId !== null) await makeDue(transaction, { projectId, clockId, at }, [watchedBy])
}

async function audited(
  before: HeldWallet,
  after: HeldWallet,
  { actor, action, why, correlationId }: Asked & { action: string; why: string },
): Promise<void> {
  const { projectId, customerId } = before.wallet
  await writeAudit(before.transaction, {
    projectId,
    actor,
    action,
    subjectId: customerId,
    why,
    correlationId,
    stripeIds: [],
    before: { balance: before.wallet.balance },
    after: { balance: after.wallet.balance },
    occurredAt: before.at,
  })
}

async function written(held: HeldWallet, intent: string): Promise<WalletTransactionRow> {
  const row = await findMovement(held, intent)
  if (!row) throw new Error(`${intent} was not written`)
  return row
}
