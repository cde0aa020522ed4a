import { isDeepStrictEqual } from 'node:util'

type Hash = Record<string, unknown>

/**
 * What an event tells of the values before: of a hash only the entries that changed, at any depth, and of a list the
 * whole list. An entry that did not exist is told as null, and a field that is not shown is not told.
 */
export function previousAttributes(before: object, now: object): Hash {
  return differing(
    before as Hash,
    now as Hash,
    Object.keys(before).filter((name) => name in now),
  )
}

function differing(before: Hash, now: Hash, names: string[]): Hash {
  return Object.fromEntries(
    names
      .filter((name) => !isDeepStrictEqual(before[name], now[name]))
      .map((name) => {
        const [old, fresh] = [before[name], now[name]]
        if (!isHash(old) || !isHash(fresh)) return [name, old ?? null]
        return [name, differing(old, fresh, [...new Set([...Object.keys(old), ...Object.keys(fresh)])])]
      }),
  )
}

const isHash = (value: unknown): value is Hash =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
