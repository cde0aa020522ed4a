import { brief, isObject, type Json, type JsonObject } from './json.ts'
import { newerFields, undetermined } from './recorded-differences.ts'
import { describeMoment, looksLikeMoment } from './moments.ts'
import type { IdMap } from './id-map.ts'

export interface Comparison {
  ids: IdMap
  /** The date part of the version the recording was made with. */
  recordedVersion: string
  /** When either flow began, in seconds; every moment is compared by its distance from there. */
  recordedStart_s: number
  localStart_s: number
}

/** Each difference as one line that can be acted upon; none when the local Stripe answered as Stripe did. */
export function compareAnswers(recorded: Json, local: Json | undefined, comparison: Comparison): string[] {
  return compare({ path: '$', field: '' }, recorded, local, comparison)
}

interface Place {
  /** From the root of the answer: `$.lines.data[0].amount`. */
  path: string
  /** From the nearest typed object: `line_item.amount`. */
  field: string
}

function compare(place: Place, recorded: Json, local: Json | undefined, comparison: Comparison): string[] {
  const differs = [`${place.path}: expected ${brief(recorded)}, got ${brief(local)}`]
  if (local === undefined) return differs
  if (recorded === null || local === null) return recorded === local ? [] : differs
  if (isObject(recorded))
    return isObject(local) ? compareObjects(place, recorded, local, comparison) : differs
  if (isObject(local) || typeof recorded !== typeof local || Array.isArray(recorded) !== Array.isArray(local))
    return differs
  if (undetermined.some(({ field }) => field.test(place.field))) return []
  if (Array.isArray(recorded) && Array.isArray(local)) return compareLists(place, recorded, local, comparison)
  return sameLeaf(place, recorded, local, comparison) ? [] : differs
}

function compareObjects(
  place: Place,
  recorded: JsonObject,
  local: JsonObject,
  comparison: Comparison,
): string[] {
  const type = recorded['object']
  const fieldOf = (name: string) => `${typeof type === 'string' ? type : place.field}.${name}`
  const missing = Object.keys(recorded).filter((name) => !(name in local))
  const extra = Object.keys(local).filter(
    (name) => !(name in recorded) && !isNewer(fieldOf(name), comparison),
  )
  const shared = Object.entries(recorded).filter(([name]) => name in local)
  return [
    ...missing.map((name) => `${place.path}.${name}: missing, expected ${brief(recorded[name])}`),
    ...extra.map((name) => `${place.path}.${name}: not sent by Stripe, got ${brief(local[name])}`),
    ...shared.flatMap(([name, value]) =>
      compare({ path: `${place.path}.${name}`, field: fieldOf(name) }, value, local[name], comparison),
    ),
  ]
}

function compareLists(place: Place, recorded: Json[], local: Json[], comparison: Comparison): string[] {
  if (recorded.length !== local.length)
    return [`${place.path}: expected ${recorded.length} elements, got ${local.length}: ${brief(local)}`]
  return recorded.flatMap((element, index) =>
    compare({ path: `${place.path}[${index}]`, field: place.field }, element, local[index], comparison),
  )
}

function sameLeaf({ field }: Place, recorded: Json, local: Json, comparison: Comparison): boolean {
  const { ids, recordedStart_s, localStart_s } = comparison
  if (typeof recorded === 'string' && typeof local === 'string') {
    if (field === 'customer.invoice_prefix') return ids.pair(recorded, local)
    return ids.sameText(recorded, local, recordedStart_s, localStart_s)
  }
  if (field.endsWith('.card.exp_year'))
    return yearsAhead(recorded, recordedStart_s) === yearsAhead(local, localStart_s)
  if (field.endsWith('.card.exp_month'))
    return monthsAhead(recorded, recordedStart_s) === monthsAhead(local, localStart_s)
  if (looksLikeMoment(recorded) && looksLikeMoment(local))
    return describeMoment(recorded, recordedStart_s) === describeMoment(local, localStart_s)
  return recorded === local
}

// The cards of Stripe's test mode expire in the month they are made in, a year later.
const yearsAhead = (year: Json, start_s: number) => Number(year) - new Date(start_s * 1000).getUTCFullYear()
const monthsAhead = (month: Json, start_s: number) => Number(month) - new Date(start_s * 1000).getUTCMonth()

const isNewer = (name: string, { recordedVersion }: Comparison) =>
  newerFields.some(({ field, since }) => recordedVersion < since && field.test(name))
