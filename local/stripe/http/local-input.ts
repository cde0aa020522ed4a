import { badParameter } from './errors.ts'

/** What a local control was given, as its JSON says it. */
export type Given = Record<string, unknown>

/** @throws StripeError 400 for a body that is no JSON object; an empty one says nothing */
export function parseGiven(body: string): Given {
  try {
    const value: unknown = JSON.parse(body === '' ? '{}' : body)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Given
  } catch {
    // Said below, in the same words as for other values that are no object.
  }
  throw badParameter('The body must be a JSON object.')
}

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** One of the values that a control knows, or the first of them when none is given. */
export function choiceOf<T extends string>(value: unknown, param: string, choices: readonly [T, ...T[]]): T {
  if (value === undefined) return choices[0]
  const found = choices.find((one) => one === value)
  if (found === undefined) throw badParameter(`${param} must be one of ${choices.join(', ')}.`, { param })
  return found
}

/** A whole number from 1 to a limit; undefined when none is given. */
export function countOf(value: unknown, param: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= max) return value
  throw badParameter(`${param} must be a whole number from 1 to ${max}.`, { param })
}
