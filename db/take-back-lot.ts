import { creditTransfers, refundable, takeBack } from '../domain/credits.ts'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import { currency, type Money, money } from '../domain/money.ts'
import type { Transaction } from './client.ts'
import { expireCredits, findMovement, moveCredits } from './move-credits.ts'
import { findLotOfPayment, type HeldWallet, holdKnownWallet, type LotRow, readLot } from './wallets.ts'

/** Refunds of unused credits. The money itself is the refund's: as long as it has not moved it out of `customer_credits`, the
 *  ledger owes it to the customer. */

export interface RefundedLot {
  projectId: ProjectId
  /** The payment that bought the credits. */
  paymentId: PaymentId
  /** Names the refund: each takes credits back once, and gives them back once. */
  refundId: string
  actor: string
  correlationId: string
}

export interface UnusedCredits {
  /** Micro-dollars. */
  credits: number
  /** The share of the price that they stand for. */
  share: Money
}

/** What is unused of the credits that a payment bought, and what of its price can be given back for them; `undefined` for a
 *  payment that bought none. */
export async function findUnusedCredits(
  transaction: Transaction,
  payment: { projectId: ProjectId; paymentId: PaymentId },
): Promise<UnusedCredits | undefined> {
  const lot = await findLotOfPayment(transaction, payment)
  return lot && inWords(lot, refundable(lot))
}

/** Takes unused credits out of the wallet, for at most so much money, or all of them. To be called before the first event of the
 *  transaction is written (see `holdWallet`). Asked again with the same refund, it answers what it took the first time.
 *  @returns what was taken, which is less than asked for where credits were spent meanwhile; `undefined` for a payment that
 *  bought none. */
export async function takeBackLot(
  transaction: Transaction,
  { projectId, paymentId, refundId, amountMinor, ...asked }: RefundedLot & { amountMinor?: number },
): Promise<UnusedCredits | undefined> {
  const found = await holdLotOf(transaction, { projectId, paymentId })
  if (!found) return undefined
  const { held, lot } = found
  const intent = `refund/${refundId}`
  const earlier = await findMovement(held, intent)
  if (earlier) return inWords(lot, { credits: -earlier.amount, amountMinor: earlier.moneyMinor ?? 0 })

  const most = refundable(lot)
  const taken = takeBack(lot, Math.min(amountMinor ?? most.amountMinor, most.amountMinor))
  if (taken.credits === 0) return inWords(lot, taken)
  const isEmpty = taken.credits === lot.remaining
  // Rounding may leave a little of the price with a lot of which nothing is left: nobody owes it any more.
  const earns = isEmpty ? most.amountMinor - taken.amountMinor : 0
  await moveCredits(held, {
    ...asked,
    kind: 'refund',
    amount: -taken.credits,
    intent,
    reference: refundId,
    touches: [
      {
        lot,
        credits: taken.credits,
        set: {
          remaining: lot.remaining - taken.credits,
          takenBack: lot.takenBack + taken.credits,
          refunded: lot.refunded + taken.amountMinor,
          earned: lot.earned + earns,
          ...(isEmpty && { emptyAt: held.at }),
        },
      },
    ],
    transfers: creditTransfers('refund', -taken.credits, [{ lot, credits: taken.credits, earns }]),
    money: { amountMinor: taken.amountMinor, currency: lot.currency ?? '' },
    event: (data) => ({
      type: 'credits.refunded',
      subject: data.user_id,
      data: { ...data, payment_id: paymentId, ...priceOf(lot, taken.amountMinor), undone: false },
    }),
  })
  return inWords(lot, taken)
}

/** Gives back what a refund has taken, because the money could not be returned. */
export async function returnLot(
  transaction: Transaction,
  { projectId, paymentId, refundId, ...asked }: RefundedLot,
): Promise<void> {
  const found = await holdLotOf(transaction, { projectId, paymentId })
  if (!found) return
  const { held, lot } = found
  const intent = `refund_undone/${refundId}`
  const taken = await findMovement(held, `refund/${refundId}`)
  if (!taken || (await findMovement(held, intent))) return
  const credits = -taken.amount
  const amountMinor = taken.moneyMinor ?? 0
  await moveCredits(held, {
    ...asked,
    kind: 'refund_undone',
    amount: credits,
    intent,
    reference: refundId,
    touches: [
      {
        lot,
        credits: -credits,
        set: {
          remaining: lot.remaining + credits,
          takenBack: lot.takenBack - credits,
          refunded: lot.refunded - amountMinor,
          emptyAt: null,
        },
      },
    ],
    transfers: creditTransfers('refund_undone', credits),
    money: { amountMinor, currency: lot.currency ?? '' },
    event: (data) => ({
      type: 'credits.refunded',
      subject: data.user_id,
      data: { ...data, payment_id: paymentId, ...priceOf(lot, amountMinor), undone: true },
    }),
  })
}

/** The lot as it is under the wallet's lock. */
async function holdLotOf(
  transaction: Transaction,
  payment: { projectId: ProjectId; paymentId: PaymentId },
): Promise<{ held: HeldWallet; lot: LotRow } | undefined> {
  const found = await findLotOfPayment(transaction, payment)
  if (!found) return undefined
  const held = await expireCredits(await holdKnownWallet(transaction, found))
  return { held, lot: await readLot(transaction, found, found.number) }
}

const inWords = (
  { currency: code }: LotRow,
  { credits, amountMinor }: { credits: number; amountMinor: number },
): UnusedCredits => ({ credits, share: money(amountMinor, currency(code ?? '')) })

const priceOf = ({ currency: code }: LotRow, price: number) => ({ price, currency: code ?? '' })
