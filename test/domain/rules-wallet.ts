import { expect } from 'vitest'
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

  check(): void {
    let owed = 0
    for (const { amount, takenBack, remaining, price, earned, refunded } of this.lots) {
      expect(remaining).toBeGreaterThanOrEqual(0)
      expect(remaining).toBeLessThanOrEqual(amount - takenBack)
      const open = (price ?? 0) - earned - refunded
      expect(open).toBeGreaterThanOrEqual(0)
      // What is used up owes nothing, and has moved exactly its price.
      if (remaining === 0) expect(open).toBe(0)
      owed += open
    }
    for (const currency of ['brl', 'credits']) {
      const balances = [...this.books].filter(([key]) => key.startsWith(`${currency} `))
      expect(balances.reduce((sum, [, balance]) => sum + balance, 0)).toBe(0)
    }
    expect(0 - (this.books.get('credits customer_credits') ?? 0)).toBe(balanceAt(this.lots, this.now))
    expect(0 - (this.books.get('brl customer_credits') ?? 0)).toBe(owed)
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
      expect(amount.amountMinor).toBeGreaterThan(0)
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
