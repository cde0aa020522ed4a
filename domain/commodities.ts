import { decimalsOf, isCurrency } from './money.ts'

/** What the ledger counts: money of each currency, and credits, which are an asset of their own. */

/** Credits are counted in micro-dollars. */
const CREDITS_DECIMALS = 6

/** The name under which accounting tools know it: upper case, letters only. */
export function commodityOf(asset: string): string {
  return asset.toUpperCase()
}

/** `-123456` brl becomes `-1234.56`, `500` jpy stays `500`, `1` credit is `0.000001`: the point, and nothing between the digits. */
export function decimalAmount(amountMinor: number, asset: string): string {
  const digits = asset === 'credits' ? CREDITS_DECIMALS : isCurrency(asset) ? decimalsOf(asset) : 2
  const sign = amountMinor < 0 ? '-' : ''
  const whole = String(Math.abs(amountMinor)).padStart(digits + 1, '0')
  return digits === 0 ? sign + whole : `${sign}${whole.slice(0, -digits)}.${whole.slice(-digits)}`
}
