/** Plain JSON as Stripe sends it: the tests look at what is on the wire, never at an SDK's reading of it. */
export type Json = string | number | boolean | null | Json[] | JsonObject
export type JsonObject = { [field: string]: Json }

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value at a path such as `data[0].id`; `undefined` when the way there is not. */
export function at(value: Json | undefined, path: string): Json | undefined {
  let current = value
  for (const step of path.split(/[.[\]]+/).filter((step) => step !== '')) {
    if (Array.isArray(current)) current = current[Number(step)]
    else if (isObject(current)) current = current[step]
    else return undefined
  }
  return current
}

/** The text at a path, for the ids and statuses a scripted session carries from one call to the next. */
export function textAt(value: Json | undefined, path: string): string {
  const found = at(value, path)
  if (typeof found !== 'string') throw new Error(`Expected a text at ${path}, found ${JSON.stringify(found)}`)
  return found
}

/** The list at a path; empty when there is none. */
export function arrayAt(value: Json | undefined, path: string): Json[] {
  const found = at(value, path)
  return Array.isArray(found) ? found : []
}

/** What an object says it is; an empty text for what does not say. */
export function typeOf(value: Json | undefined): string {
  const type = at(value, 'object')
  return typeof type === 'string' ? type : ''
}

/** Each value at any depth, the whole first. */
export function* everyValue(value: Json): Generator<Json> {
  yield value
  if (Array.isArray(value)) for (const element of value) yield* everyValue(element)
  else if (isObject(value)) for (const field of Object.values(value)) yield* everyValue(field)
}

/** A value as one line of a report, cut to a length that can be read. */
export function brief(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 120 ? `${text.slice(0, 117)}…` : text
}
