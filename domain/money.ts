/** Money: whole minor units with their ISO 4217 currency in lower case, as Stripe writes them. */

export interface Money {
  /** A safe integer: cents for usd, yen for jpy, fils for kwd. */
  amountMinor: number
  currency: Currency
}

declare const brand: unique symbol
export type Currency = string & { readonly [brand]: 'currency' }

// Stripe's lists of presentment currencies: https://docs.stripe.com/currencies. The króna (isk) and the shilling (ugx) have
// no minor unit any more, but Stripe still writes them with two decimals.
const zeroDecimal = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'
const threeDecimal = 'bhd jod kwd omr tnd'
const twoDecimal =
  'aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop ' +
  'crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes ' +
  'kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd ' +
  'pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd ' +
  'tzs uah ugx usd uyu uzs wst xcd xcg yer zar zmw'

const decimals = new Map<string, number>([
  ...zeroDecimal.split(' ').map((code) => [code, 0] as const),
  ...twoDecimal.split(' ').map((code) => [code, 2] as const),
  ...threeDecimal.split(' ').map((code) => [code, 3] as const),
])

export const currencyCodes: readonly string[] = [...decimals.keys()].toSorted()

/** Stripe takes at most eight digits in a charge: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
export const MAX_AMOUNT_MINOR = 99_999_999

export function isCurrency(text: string): text is Currency {
  return decimals.has(text)
}

/** @throws TypeError for a code we do not know (a defect of ours: input is checked with `isCurrency`). */
export function currency(code: string): Currency {
  if (!isCurrency(code)) throw new TypeError(`unknown currency ${JSON.stringify(code)}`)
  return code
}

/** @throws RangeError unless the amount is a whole, safe number. */
export function money(amountMinor: number, code: Currency): Money {
  if (!Number.isSafeInteger(amountMinor))
    throw new RangeError(`${amountMinor} is not a whole amount of minor units`)
  return { amountMinor, currency: code }
}

/** How many digits of the minor unit stand behind the point: 2 for usd, 0 for jpy, 3 for kwd. */
export function decimalsOf(code: Currency): number {
  return decimals.get(code) ?? 2
}

/** What an amount must be a multiple of. Stripe writes some currencies with more digits than it charges:
 *  https://docs.stripe.com/currencies#special-cases, https://docs.stripe.com/currencies#three-decimal */
export function amountStepOf(code: Currency): number {
  if (code === 'isk' || code === 'ugx') return 100
  return decimalsOf(code) === 3 ? 10 : 1
}

/** `123456` brl becomes `BRL 1234.56`: for people reading Temporal UI or a log, never for arithmetic. */
export function describeMoney({ amountMinor, currency: code }: Money): string {
  const digits = decimalsOf(code)
  const sign = amountMinor < 0 ? '-' : ''
  const whole = String(Math.abs(amountMinor)).padStart(digits + 1, '0')
  const point = digits === 0 ? whole : `${whole.slice(0, -digits)}.${whole.slice(-digits)}`
  return `${code.toUpperCase()} ${sign}${point}`
}
