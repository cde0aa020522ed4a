import type { Asset, LedgerAccount, Transfer } from './ledger.ts'

/** Credits: micro-dollars that a user holds in lots, each with its origin, its expiry and, where it was paid for, its price.
 *  Which lot is spent, what that earns, and how much of a price can still be given back.
 *
 *  Consumption itself is decided by `consume_credits` in the database, in one round trip; tests hold it to these rules. */

/** A million dollars, at most, move at once: more than Stripe's largest charge could pay for, and far less than a number holds
 *  exactly, however many there are of them in a wallet. */
export const MAX_CREDITS_MICRO_USD = 1_000_000_000_000

/** Where the credits of a lot come from. */
export const lotKinds = ['purchase', 'bonus', 'promotion', 'adjustment'] as const
export type LotKind = (typeof lotKinds)[number]

/** What can happen to a wallet. A refund takes unused credits back; it is undone when the money could not be returned. */
export const movementKinds = [...lotKinds, 'consumption', 'expiry', 'refund', 'refund_undone'] as const
export type MovementKind = (typeof movementKinds)[number]

export interface CreditLot {
  /** The number of the movement that brought it: the order in which lots came. */
  number: number
  /** Micro-dollars that it brought. */
  amount: number
  /** Of these, refunded. */
  takenBack: number
  /** Of these, neither spent nor taken back. */
  remaining: number
  /** From this moment on it cannot be spent. */
  expiresAt: Date | null
  /** What was paid for it, in minor units; null for credits that nobody paid for. */
  price: number | null
  currency: string | null
  /** Of the price: earned, because the credits are gone. */
  earned: number
  /** Of the price: given back, or about to be. */
  refunded: number
}

export const isSpendable = ({ remaining, expiresAt }: CreditLot, at: Date): boolean =>
  remaining > 0 && (expiresAt === null || expiresAt > at)

/** What can be spent at a time. */
export const balanceAt = (lots: readonly CreditLot[], at: Date): number =>
  lots.filter((lot) => isSpendable(lot, at)).reduce((sum, { remaining }) => sum + remaining, 0)

/** Soonest to expire first, what never expires last, and of equals the one that came first. */
export function inSpendingOrder<Lot extends CreditLot>(lots: readonly Lot[]): Lot[] {
  const end = ({ expiresAt }: Lot) => expiresAt?.getTime() ?? Infinity
  return lots.toSorted((a, b) => (end(a) === end(b) ? a.number - b.number : end(a) - end(b)))
}

/** Lots whose time is over and that still hold something. */
export const expiredLots = <Lot extends CreditLot>(lots: readonly Lot[], at: Date): Lot[] =>
  inSpendingOrder(lots).filter(
    ({ remaining, expiresAt }) => remaining > 0 && expiresAt !== null && expiresAt <= at,
  )

/** When the next lot expires; `undefined` when none ever does. */
export function nextExpiry(lots: readonly CreditLot[]): Date | undefined {
  const [first] = inSpendingOrder(lots.filter(({ remaining }) => remaining > 0))
  return first?.expiresAt ?? undefined
}

/** What a movement does to one lot. */
export interface LotChange<Lot extends CreditLot = CreditLot> {
  lot: Lot
  /** Credits that leave it. */
  credits: number
  /** Of its price, in minor units: earned by that. */
  earns: number
}

/** Takes so many credits out of lots, in the order of spending.
 *  @param lots that may be spent, which hold at least the amount
 *  @throws RangeError when they do not: whoever calls has to ask before. */
export function takeCredits<Lot extends CreditLot>(lots: readonly Lot[], amount: number): LotChange<Lot>[] {
  const changes: LotChange<Lot>[] = []
  let missing = amount
  for (const lot of inSpendingOrder(lots)) {
    const credits = Math.min(lot.remaining, missing)
    if (credits === 0) continue
    changes.push({ lot, credits, earns: earnedAfter(lot, credits) - lot.earned })
    missing -= credits
  }
  if (missing > 0) throw new RangeError(`${missing} of ${amount} credits are missing`)
  return changes
}

/** What a lot has earned in all, in minor units, once so many more credits are gone. Rounded down over all that is gone, so that
 *  no rounding adds up, and a lot of which nothing is left has earned exactly what was paid for it. */
function earnedAfter(lot: CreditLot, credits: number): number {
  const kept = (lot.price ?? 0) - lot.refunded
  const sold = lot.amount - lot.takenBack
  const gone = sold - lot.remaining + credits
  // The product goes beyond what a number holds exactly.
  const earned = Number((BigInt(kept) * BigInt(gone)) / BigInt(sold))
  return Math.max(earned, lot.earned)
}

/** What a refund takes out of a lot that was paid for. */
export interface TakenBack {
  credits: number
  /** The share of the price that they stand for, in minor units. */
  amountMinor: number
}

/** What is still unused of a lot that was paid for, with the share of its price that can be given back. */
export const refundable = ({ remaining, price, earned, refunded }: CreditLot): TakenBack => ({
  credits: remaining,
  amountMinor: (price ?? 0) - earned - refunded,
})

/** The unused credits that go back for so much money; all of them, where no amount is named. Rounded up: nobody keeps credits
 *  that were refunded.
 *  @throws RangeError for more than can be given back. */
export function takeBack(lot: CreditLot, amountMinor?: number): TakenBack {
  const most = refundable(lot)
  if (amountMinor === undefined || amountMinor === most.amountMinor) return most
  if (amountMinor < 1 || amountMinor > most.amountMinor)
    throw new RangeError(`${amountMinor} of ${most.amountMinor} cannot be given back`)
  const whole = BigInt(most.amountMinor)
  const credits = (BigInt(most.credits) * BigInt(amountMinor) + whole - 1n) / whole
  return { credits: Number(credits), amountMinor }
}

/** How far a wallet has come with buying a pack by itself. `charging` may have charged already; `skipped` was not needed any more,
 *  or an operator went on without it. */
export type TopUpStatus = 'requested' | 'charging' | 'succeeded' | 'declined' | 'skipped'

/** The other side of each movement in the ledger. What a user holds is `customer_credits`. */
const counterAccounts: Record<MovementKind, LedgerAccount> = {
  purchase: 'credits_sold',
  bonus: 'promotions',
  promotion: 'promotions',
  adjustment: 'credits_adjusted',
  consumption: 'credits_consumed',
  expiry: 'credits_expired',
  refund: 'credits_sold',
  refund_undone: 'credits_sold',
}

/** The entry of a movement: the credits in their own asset and, where paid-for credits are gone, the money that they have earned.
 *  @param amount positive where the user gets credits, negative where they go */
export function creditTransfers(
  kind: MovementKind,
  amount: number,
  changes: readonly LotChange[] = [],
): Transfer[] {
  const counter = counterAccounts[kind]
  const credits = { amountMinor: Math.abs(amount), currency: 'credits' as const }
  const earned = new Map<Asset, number>()
  for (const { lot, earns } of changes) {
    if (earns === 0) continue
    const currency = lot.currency as Asset
    earned.set(currency, (earned.get(currency) ?? 0) + earns)
  }
  return [
    amount > 0
      ? { debit: counter, credit: 'customer_credits', amount: credits }
      : { debit: 'customer_credits', credit: counter, amount: credits },
    ...[...earned].map(([currency, amountMinor]): Transfer => ({
      debit: 'customer_credits',
      credit: 'revenue',
      amount: { amountMinor, currency },
    })),
  ]
}
