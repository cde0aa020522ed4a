import {
  balanceAt,
  type CreditLot,
  creditTransfers,
  expiredLots,
  type LotChange,
  type MovementKind,
  refundable,
  takeBack,
  takeCredits,
} from '../../domain/credits.ts'
import type { Transfer } from '../../domain/ledger.ts'
import { brl } from '../support/snapshots.ts'
import type { WalletStep } from './wallet-steps.ts'

/** The wallet as the rules of the domain make it, with its books. */
export class RulesWallet {
  lots: CreditLot[] = []
  books = new Map<string, number>()
  now = new Date(0)

  /** @returns what became of the step */
  take(step: WalletStep): unknown {
    switch (step.kind) {
      case 'purchase':
      case 'grant': {
        const price = step.kind === 'purchase' ? step.price : null
        const added: CreditLot = {
          number: this.lots.length + 1,
          amount: step.credits,
          remaining: step.credits,
          price,
          currency: price === null ? null : 'brl',
          expiresAt:
            step.kind === 'grant' && step.days !== null ? new Date(this.now.getTime() + step.days) : null,
          takenBack: 0,
          earned: 0,
          refunded: 0,
        }
        this.lots.push(added)
        if (price !== null && price > 0)
          this.enter([
            {
              debit: 'stripe_balance',
              credit: 'customer_credits',
              amount: brl(price),
            },
          ])
        this.enter(creditTransfers(step.kind === 'purchase' ? 'purchase' : 'bonus', step.credits))
        return 'done'
      }
      case 'wait': {
        this.now = new Date(this.now.getTime() + step.days)
        for (const gone of expiredLots(this.lots, this.now))
          this.leave('expiry', takeCredits([gone], gone.remaining))
        return 'done'
      }
      case 'consume': {
        if (balanceAt(this.lots, this.now) < step.credits) return 'refused'
        this.leave('consumption', takeCredits(this.lots, step.credits))
        return 'done'
      }
      case 'refund': {
        const bought = this.lots.filter(({ price }) => price !== null)
        const chosen = bought[step.lot % Math.max(1, bought.length)]
        if (!chosen) return 'none'
        const most = refundable(chosen)
        const wanted = step.share === null ? undefined : Math.min(step.share, most.amountMinor)
        const taken = takeBack(chosen, wanted)
        if (taken.credits === 0) return taken
        const isEmpty = taken.credits === chosen.remaining
        const earns = isEmpty ? most.amountMinor - taken.amountMinor : 0
        this.enter(
          creditTransfers('refund', -taken.credits, [{ lot: chosen, credits: taken.credits, earns }]),
        )
        if (taken.amountMinor > 0)
          this.enter([
            {
              debit: 'customer_credits',
              credit: 'stripe_balance',
              amount: brl(taken.amountMinor),
            },
          ])
        chosen.remaining -= taken.credits
        chosen.takenBack += taken.credits
        chosen.refunded += taken.amountMinor
        chosen.earned += earns
        return taken
      }
    }
  }

  perLot = () => this.lots.map(({ remaining }) => remaining)

  /** What must never be, a sentence for each: so none for a sound wallet. */
  flaws(): string[] {
    const openOf = ({ price, earned, refunded }: CreditLot) => (price ?? 0) - earned - refunded
    const owed = this.lots.reduce((sum, lot) => sum + openOf(lot), 0)
    const sumOf = (asset: string) =>
      [...this.books].reduce((sum, [key, balance]) => sum + (key.startsWith(`${asset} `) ? balance : 0), 0)
    const held = (asset: string) => 0 - (this.books.get(`${asset} customer_credits`) ?? 0)
    return [
      ...this.lots.flatMap((lot) => [
        ...(lot.remaining < 0 || lot.remaining > lot.amount - lot.takenBack
          ? [`lot ${lot.number} holds ${lot.remaining}`]
          : []),
        ...(openOf(lot) < 0 ? [`lot ${lot.number} has moved more than its price`] : []),
        // What is used up owes nothing, and has moved exactly its price.
        ...(lot.remaining === 0 && openOf(lot) !== 0 ? [`lot ${lot.number} is empty and still owed`] : []),
      ]),
      ...['brl', 'credits'].filter((asset) => sumOf(asset) !== 0).map((asset) => `${asset} does not balance`),
      ...(held('credits') === balanceAt(this.lots, this.now) ? [] : ['the ledger holds other credits']),
      ...(held('brl') === owed ? [] : ['the ledger owes another amount']),
    ]
  }

  private leave(kind: MovementKind, changes: LotChange[]): void {
    const credits = changes.reduce((sum, change) => sum + change.credits, 0)
    this.enter(creditTransfers(kind, -credits, changes))
    for (const change of changes) {
      change.lot.remaining -= change.credits
      change.lot.earned += change.earns
    }
  }

  private enter(transfers: Transfer[]): void {
    for (const { debit, credit, amount } of transfers) {
      if (amount.amountMinor <= 0) throw new Error(`a transfer of ${amount.amountMinor}`)
      for (const [account, sign] of [
        [debit, 1],
        [credit, -1],
      ] as const) {
        const key = `${amount.currency} ${account}`
        this.books.set(key, (this.books.get(key) ?? 0) + sign * amount.amountMinor)
      }
    }
  }
}
