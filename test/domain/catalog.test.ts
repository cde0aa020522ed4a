import { describe, expect, it } from 'vitest'
import {
  featuresOf,
  nameOf,
  paymentTypeOf,
  type Plan,
  type Product,
  type Purchase,
  totalOf,
  unitPriceOf,
} from '../../domain/catalog.ts'
import { currency, money } from '../../domain/money.ts'

const price = money(9900, currency('brl'))
const plan: Plan = {
  id: 'pro',
  version: 1,
  name: 'Pro',
  price,
  interval: 'month',
  trialDays: 0,
  roles: ['pro'],
  limits: {},
}
const book: Product = { id: 'book', name: 'Book', price, creditsMicroUsd: undefined }
const credits: Product = { ...book, id: 'credits', name: 'Credits', creditsMicroUsd: 10_000_000 }

describe('what is bought', () => {
  it.each([
    [{ kind: 'plan', plan, quantity: 1 }, 'subscription', 'Pro'],
    [{ kind: 'product', product: book, quantity: 2 }, 'one_time', 'Book'],
    [{ kind: 'product', product: credits, quantity: 3 }, 'credits', 'Credits'],
    [{ kind: 'amount', description: 'Tea', price, quantity: 4 }, 'one_time', 'Tea'],
  ] satisfies [Purchase, string, string][])(
    'tells its type, its name and its total',
    (purchase, type, name) => {
      expect(paymentTypeOf(purchase)).toBe(type)
      expect(nameOf(purchase)).toBe(name)
      expect(unitPriceOf(purchase)).toEqual(price)
      expect(totalOf(purchase)).toEqual(money(9900 * purchase.quantity, currency('brl')))
    },
  )
})

describe('what a catalog lets a project do', () => {
  it.each([
    ['nothing to sell', [], [], ['one_time'], []],
    ['a plan with roles', [plan], [], ['one_time', 'subscription'], ['subscriptions', 'permissions']],
    ['a plan without roles', [{ ...plan, roles: [] }], [], ['one_time', 'subscription'], ['subscriptions']],
    ['a product', [], [book], ['one_time'], []],
    ['credits', [], [book, credits], ['one_time', 'credits'], ['credits']],
    [
      'everything',
      [plan],
      [book, credits],
      ['one_time', 'subscription', 'credits'],
      ['subscriptions', 'permissions', 'credits'],
    ],
  ])('is detected: %s', (_name, plans, products, paymentTypes, features) => {
    expect(featuresOf({ plans, products })).toEqual({ paymentTypes, features })
  })
})
