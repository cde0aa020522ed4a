import type { MetadataChange } from '../http/parameters.ts'

export type Metadata = Record<string, string>

/** The metadata after a change; a null removes its key, and null instead of a change removes all. */
export function changedMetadata(current: Metadata, change: MetadataChange | undefined): Metadata {
  if (change === undefined) return current
  if (change === null) return {}
  const next = { ...current }
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete next[key]
    else next[key] = value
  }
  return next
}

export interface Address {
  city: string | null
  country: string | null
  line1: string | null
  line2: string | null
  postal_code: string | null
  state: string | null
}

export const addressOf = (given: Partial<{ [K in keyof Address]: string | null | undefined }>): Address => ({
  city: given.city ?? null,
  country: given.country ?? null,
  line1: given.line1 ?? null,
  line2: given.line2 ?? null,
  postal_code: given.postal_code ?? null,
  state: given.state ?? null,
})

export interface List<T> {
  object: 'list'
  data: T[]
  has_more: boolean
  total_count?: number
  url: string
}

export type Interval = 'day' | 'week' | 'month' | 'year'

const zeroDecimalCurrencies = new Set(
  'bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split(' '),
)
const threeDecimalCurrencies = new Set('bhd jod kwd omr tnd'.split(' '))

/** How many digits of an amount in the smallest unit stand behind the point. */
const decimalsOf = (currency: string): number => {
  if (zeroDecimalCurrencies.has(currency)) return 0
  return threeDecimalCurrencies.has(currency) ? 3 : 2
}

/** An amount as Stripe writes it in descriptions and on its pages: `$25.00`, `R$99.00`, `¥500`. */
export function formatAmount(amount: number, currency: string): string {
  return formatOf(currency).format(amount / 10 ** decimalsOf(currency))
}

const formats = new Map<string, Intl.NumberFormat>()

/** A format takes far longer to make than to use. */
function formatOf(currency: string): Intl.NumberFormat {
  const known = formats.get(currency)
  if (known) return known
  const decimals = decimalsOf(currency)
  const format = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
  formats.set(currency, format)
  return format
}
