import { newId } from '../store/ids.ts'
import type { Metadata } from './shared.ts'

export const taxTypes = [
  'amusement_tax',
  'communications_tax',
  'gst',
  'hst',
  'igst',
  'jct',
  'lease_tax',
  'mass_transit_parking_tax',
  'parking_tax',
  'pst',
  'qst',
  'retail_delivery_fee',
  'rst',
  'sales_tax',
  'service_tax',
  'vat',
] as const

export interface NewTaxRate {
  now: number
  active: boolean
  country: string | undefined
  description: string | undefined
  displayName: string
  /** Whether the price contains the tax already. */
  inclusive: boolean
  jurisdiction: string | undefined
  metadata: Metadata
  percentage: number
  state: string | undefined
  taxType: (typeof taxTypes)[number] | undefined
}

export type TaxRate = ReturnType<typeof newTaxRate>

export const newTaxRate = (given: NewTaxRate) => ({
  id: newId('txr'),
  object: 'tax_rate' as const,
  active: given.active,
  country: given.country ?? null,
  created: given.now,
  description: given.description ?? null,
  display_name: given.displayName,
  effective_percentage: null,
  flat_amount: null,
  inclusive: given.inclusive,
  jurisdiction: given.jurisdiction ?? null,
  jurisdiction_level: null,
  livemode: false,
  metadata: given.metadata,
  percentage: given.percentage,
  rate_type: 'percentage',
  state: given.state ?? null,
  tax_type: given.taxType ?? null,
})

/** What a rate comes to on an amount. */
export interface Tax {
  amount: number
  tax_behavior: 'exclusive' | 'inclusive'
  tax_rate_details: { tax_rate: string }
  taxability_reason: 'not_available'
  taxable_amount: number
  type: 'tax_rate_details'
}

/** The taxes on an amount. Those that it contains are taken out of it together before any is worked out. */
export function taxesOn(amount: number, rates: TaxRate[]): Tax[] {
  const contained = rates.filter(({ inclusive }) => inclusive)
  const taxable = amount / (1 + contained.reduce((sum, { percentage }) => sum + percentage, 0) / 100)
  const amountOf = ({ percentage }: TaxRate): number => rounded((taxable * percentage) / 100)
  const taxableAmount = amount - contained.reduce((sum, rate) => sum + amountOf(rate), 0)
  return rates.map((rate) => ({
    amount: amountOf(rate),
    tax_behavior: rate.inclusive ? 'inclusive' : 'exclusive',
    tax_rate_details: { tax_rate: rate.id },
    taxability_reason: 'not_available',
    taxable_amount: taxableAmount,
    type: 'tax_rate_details',
  }))
}

/** The taxes on a part of an amount. */
export const partOf = (taxes: Tax[], part: number, whole: number): Tax[] =>
  taxes.map((tax) => ({
    ...tax,
    amount: rounded((tax.amount * part) / whole),
    taxable_amount: rounded((tax.taxable_amount * part) / whole),
  }))

/** What is credited is rounded as what was charged. */
const rounded = (amount: number): number => Math.sign(amount) * Math.round(Math.abs(amount))

/** One sum for each rate. */
export function sumByRate(taxes: Tax[]): Tax[] {
  const sums = new Map<string, Tax>()
  for (const tax of taxes) {
    const { tax_rate: rate } = tax.tax_rate_details
    const sum = sums.get(rate)
    sums.set(rate, {
      ...tax,
      amount: tax.amount + (sum?.amount ?? 0),
      taxable_amount: tax.taxable_amount + (sum?.taxable_amount ?? 0),
    })
  }
  return [...sums.values()]
}

export const sumOf = (taxes: Tax[], behavior: Tax['tax_behavior']): number =>
  taxes.filter((tax) => tax.tax_behavior === behavior).reduce((sum, { amount }) => sum + amount, 0)
