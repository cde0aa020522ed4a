import { type Money, money } from './money.ts'

/** What a project sells: plans that are subscribed to, products that are bought once, packs of credits. */

export type PlanInterval = 'day' | 'week' | 'month' | 'year'
export type PaymentType = 'one_time' | 'subscription' | 'credits'

export interface Plan {
  id: string
  /** Rises when a plan changes; a running subscription keeps the version it was sold. */
  version: number
  name: string
  price: Money
  interval: PlanInterval
  trialDays: number
  roles: string[]
  limits: Record<string, number | string | boolean>
}

export interface Product {
  id: string
  name: string
  price: Money
  /** Credits a purchase of one brings, in micro-dollars; undefined for an ordinary product. */
  creditsMicroUsd: number | undefined
}

/** What one payment is for, resolved against the catalog. */
export type Purchase =
  | { kind: 'plan'; plan: Plan; quantity: number }
  | { kind: 'product'; product: Product; quantity: number }
  | { kind: 'amount'; description: string; price: Money; quantity: number }

/** The type is what is bought, never what the caller guessed. */
export function paymentTypeOf(purchase: Purchase): PaymentType {
  switch (purchase.kind) {
    case 'plan':
      return 'subscription'
    case 'product':
      return purchase.product.creditsMicroUsd === undefined ? 'one_time' : 'credits'
    case 'amount':
      return 'one_time'
  }
}

/** The price of all units together. A trial makes the first charge smaller, not the price. */
export function totalOf(purchase: Purchase): Money {
  const unit = unitPriceOf(purchase)
  return money(unit.amountMinor * purchase.quantity, unit.currency)
}

export function unitPriceOf(purchase: Purchase): Money {
  switch (purchase.kind) {
    case 'plan':
      return purchase.plan.price
    case 'product':
      return purchase.product.price
    case 'amount':
      return purchase.price
  }
}

export function nameOf(purchase: Purchase): string {
  switch (purchase.kind) {
    case 'plan':
      return purchase.plan.name
    case 'product':
      return purchase.product.name
    case 'amount':
      return purchase.description
  }
}

/** What a project's catalog lets it do, told at its registration. */
export function featuresOf(catalog: {
  plans: Pick<Plan, 'roles'>[]
  products: Pick<Product, 'creditsMicroUsd'>[]
}): {
  paymentTypes: PaymentType[]
  features: string[]
} {
  const credits = catalog.products.some((product) => product.creditsMicroUsd !== undefined)
  return {
    // A payment of a bare amount needs no catalog, so `one_time` is always there.
    paymentTypes: [
      'one_time',
      ...(catalog.plans.length > 0 ? ['subscription' as const] : []),
      ...(credits ? ['credits' as const] : []),
    ],
    features: [
      ...(catalog.plans.length > 0 ? ['subscriptions'] : []),
      ...(catalog.plans.some((plan) => plan.roles.length > 0) ? ['permissions'] : []),
      ...(credits ? ['credits'] : []),
    ],
  }
}
