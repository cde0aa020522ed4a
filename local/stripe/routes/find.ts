import { noSuch } from '../http/errors.ts'
import type { Collection, Stored } from '../store/collection.ts'

/** What the path names. @throws StripeError 404 */
export function named<T extends Stored>(collection: Collection<T>, id: string, what: string): T {
  const object = collection.get(id)
  if (!object) throw noSuch(what, id)
  return object
}

/** What a parameter names. @throws StripeError 400 naming the parameter */
export function given<T extends Stored>(
  collection: Collection<T>,
  id: string,
  what: string,
  param: string,
): T {
  const object = collection.get(id)
  if (!object) throw noSuch(what, id, param)
  return object
}
