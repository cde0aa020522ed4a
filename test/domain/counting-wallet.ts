import type { WalletStep } from './wallet-steps.ts'

interface Coin {
  lot: number
  expiresAt: number
}

/** A wallet of single coins, each spent by itself: slow, and too plain to be wrong. Money it knows only as far as a refund needs:
 *  the coins of a lot share its price, what is gone has earned its share rounded down. */
export class CountingWallet {
  coins: Coin[] = []
  lots: { kind: string; sold: number; price: number; earned: number }[] = []
  now = 0

  take(step: WalletStep): unknown {
    switch (step.kind) {
      case 'purchase':
      case 'grant': {
        const number = this.lots.length
        const days = step.kind === 'grant' ? step.days : null
        const expiresAt = days === null ? Infinity : this.now + days
        this.lots.push({
          kind: step.kind,
          sold: step.credits,
          price: step.kind === 'purchase' ? step.price : 0,
          earned: 0,
        })
        for (let coin = 0; coin < step.credits; coin += 1) this.coins.push({ lot: number, expiresAt })
        return 'done'
      }
      case 'wait':
        this.now += step.days
        this.coins = this.coins.filter(({ expiresAt }) => expiresAt > this.now)
        return 'done'
      case 'consume': {
        if (this.coins.length < step.credits) return 'refused'
        for (let spent = 0; spent < step.credits; spent += 1) this.spendOne()
        return 'done'
      }
      case 'refund':
        return this.refund(step)
    }
  }

  perLot = () => this.lots.map((_, number) => this.coinsOf(number))

  private coinsOf = (number: number) => this.coins.filter(({ lot: of }) => of === number).length

  private spendOne(): void {
    let first = 0
    for (const [index, { expiresAt }] of this.coins.entries())
      if (expiresAt < (this.coins[first]?.expiresAt ?? 0)) first = index
    const [coin] = this.coins.splice(first, 1)
    const spent = coin && this.lots[coin.lot]
    if (spent) this.earn(coin.lot)
  }

  private earn(number: number): void {
    const of = this.lots[number]
    if (!of) return
    const gone = of.sold - this.coinsOf(number)
    of.earned = Math.max(of.earned, of.sold === 0 ? of.price : Math.floor((of.price * gone) / of.sold))
  }

  private refund({ lot: index, share }: Extract<WalletStep, { kind: 'refund' }>): unknown {
    const bought = [...this.lots.keys()].filter((number) => this.lots[number]?.kind === 'purchase')
    const number = bought[index % Math.max(1, bought.length)]
    const of = number === undefined ? undefined : this.lots[number]
    if (number === undefined || !of) return 'none'
    const unused = this.coinsOf(number)
    const open = of.price - of.earned
    const amountMinor = share === null ? open : Math.min(share, open)
    const credits = amountMinor === open ? unused : Math.ceil((unused * amountMinor) / open)
    for (let taken = 0; taken < credits; taken += 1)
      this.coins.splice(
        this.coins.findIndex((coin) => coin.lot === number),
        1,
      )
    of.sold -= credits
    of.price -= amountMinor
    if (unused === credits) of.earned = of.price
    return { credits, amountMinor }
  }
}
