import type { Account } from '../account.ts'
import { includable, present, type Json, type StripeObject } from '../present.ts'
import { badParameter, type StripeError } from './errors.ts'

/** An answer as it is sent: presented, and with the fields expanded that the caller named. */
export function render(account: Account, answer: object, expand: string[]): Json {
  const shown = isObject(answer) ? present(account, answer) : { ...(answer as Json) }
  // A list's elements are presented here; whoever answers with a list hands over the objects as they are stored.
  if (Array.isArray(shown.data) && (shown.object === 'list' || shown.object === 'search_result'))
    shown.data = shown.data.map((element: object) =>
      isObject(element) ? present(account, element) : element,
    )
  for (const path of expand) expandPath(account, shown, path.split('.'), path)
  return shown
}

const isObject = (value: object): value is StripeObject => 'id' in value && 'object' in value

const maxDepth = 4

/** Replaces what a path leads to by the whole object. Every step is copied, for the stored objects are shared. */
function expandPath(account: Account, holder: Json, path: string[], whole: string): void {
  const [field, ...rest] = path
  if (field === undefined) return
  if (path.length > maxDepth + 1 || whole.split('.').filter((step) => step !== 'data').length > maxDepth)
    throw badParameter(`You cannot expand more than ${maxDepth} levels of a property. Property: ${whole}`, {
      param: 'expand',
    })
  const value = valueAt(account, holder, field)
  if (value === undefined) throw notExpandable(field)
  holder[field] = Array.isArray(value)
    ? value.map((element) => expandValue(account, element, field, rest, whole))
    : expandValue(account, value, field, rest, whole)
}

function expandValue(
  account: Account,
  value: unknown,
  field: string,
  rest: string[],
  whole: string,
): unknown {
  const found = typeof value === 'string' ? (find(account, field, value) ?? value) : value
  // What an id names may be gone, and then it stays an id; anything else that is no object never was expandable.
  if (typeof found === 'number' || typeof found === 'boolean') throw notExpandable(field)
  if (typeof found === 'string' && !/^[a-z]+_\w+$/.test(found)) throw notExpandable(field)
  if (typeof found !== 'object' || found === null) return found
  const copy = { ...(found as Json) }
  if (rest.length > 0) expandPath(account, copy, rest, whole)
  return copy
}

const notExpandable = (field: string): StripeError =>
  badParameter(`This property cannot be expanded (${field}).`, { param: 'expand' })

/** The field's value; one that is only shown when asked for is worked out now. */
function valueAt(account: Account, holder: Json, field: string): unknown {
  const type = holder.object
  const include = typeof type === 'string' ? includable[type]?.[field] : undefined
  if (include && !(field in holder)) return include(account, holder as unknown as StripeObject)
  return field in holder ? holder[field] : undefined
}

/** The object of an id. The field tells what kind it is where an id can be anything: products, prices and coupons. */
function find(account: Account, field: string, id: string): Json | undefined {
  const object = namedByField(account, field)?.get(id) ?? account.find(id)
  return object && present(account, object)
}

function namedByField(
  account: Account,
  field: string,
): { get(id: string): StripeObject | undefined } | undefined {
  switch (field) {
    case 'price':
    case 'default_price':
      return account.prices
    case 'product':
      return account.products
    case 'coupon':
      return account.coupons
    default:
      return undefined
  }
}
