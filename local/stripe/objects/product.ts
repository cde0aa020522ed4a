import { newId } from '../store/ids.ts'
import type { Metadata } from './shared.ts'

export interface NewProduct {
  id?: string | undefined
  now: number
  name: string
  active?: boolean | undefined
  description?: string | null | undefined
  images?: string[] | undefined
  marketingFeatures?: { name: string }[] | undefined
  metadata?: Metadata
  shippable?: boolean | null | undefined
  statementDescriptor?: string | null | undefined
  taxCode?: string | null | undefined
  unitLabel?: string | null | undefined
  url?: string | null | undefined
}

export type Product = ReturnType<typeof newProduct>

export function newProduct(given: NewProduct) {
  return {
    id: given.id ?? newId('prod'),
    object: 'product' as const,
    active: given.active ?? true,
    created: given.now,
    default_price: null as string | null,
    description: given.description ?? null,
    images: given.images ?? [],
    livemode: false,
    marketing_features: given.marketingFeatures ?? [],
    metadata: given.metadata ?? {},
    name: given.name,
    package_dimensions: null,
    shippable: given.shippable ?? null,
    statement_descriptor: given.statementDescriptor ?? null,
    tax_details: null,
    tax_code: given.taxCode ?? null,
    type: 'service',
    unit_label: given.unitLabel ?? null,
    updated: given.now,
    url: given.url ?? null,
  }
}
