import type { Account } from '../account.ts'
import type { Stored } from '../store/collection.ts'
import { badParameter, noSuch, unrecognizedUrl } from './errors.ts'
import { render } from './expand.ts'
import type { Raw } from './form.ts'
import type { Given } from './local-input.ts'
import { parseParameters } from './parameters.ts'
import type { Router } from './router.ts'

// Books that differ from what everybody was told, for whoever has to find out.

/** Makes a call of Stripe's API of which no event tells. */
export function callSilently(
  account: Account,
  router: Router,
  { method, path, parameters }: { method: string; path: string; parameters: unknown },
): object {
  const match = router.find(method, path)
  const raw = rawOf(parameters)
  if (!match) throw unrecognizedUrl(method, path)
  if (typeof raw === 'string') throw badParameter('parameters must be an object.', { param: 'parameters' })
  const { shape, handle } = match.route
  const params = parseParameters(shape, raw)
  const call = { account, params, path: (name: string) => match.values[name] ?? '' }
  return render(
    account,
    account.silently(() => handle(call)),
    [],
  )
}

/** JSON as a form would have said it. */
function rawOf(value: unknown): Raw {
  if (value === null) return ''
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rawOf(one)]))
}

/** Sets fields of an object, whatever that does to what belongs together. */
export function alterObject(account: Account, id: string, given: Given): object {
  const { collection, object } = located(account, id)
  for (const name of Object.keys(given))
    if (!(name in object) || fixed.has(name))
      throw badParameter(`An object of this kind has no field ${name} that could be set.`, { param: name })
  collection.change(object, given)
  return 'object' in object ? render(account, object, []) : object
}

const fixed = new Set(['id', 'object', 'hidden'])

/** Lets an object be gone as if it had never been: an event that is too old to be listed, a charge that nobody knows. */
export function forgetObject(account: Account, id: string): object {
  const { collection, object } = located(account, id)
  collection.remove(object)
  return { id, deleted: true }
}

function located(account: Account, id: string) {
  const collection = account.collectionOf(id)
  const object: Stored | undefined = collection?.get(id)
  if (!collection || !object) throw noSuch('object', id)
  return { collection, object }
}
