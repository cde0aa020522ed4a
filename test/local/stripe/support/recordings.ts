import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { at, everyValue, isObject, textAt, type Json, type JsonObject } from './json.ts'
import type { Parameters } from './raw-client.ts'

/** One request of a flow with the answer Stripe's test mode gave. */
export interface RecordedCall {
  method: string
  path: string
  params: Parameters
  status: number
  api_version: string
  response: JsonObject
}

export interface Flow {
  name: string
  calls: RecordedCall[]
}

/** The recordings lie beside the repository and are never committed to it. */
const folder = fileURLToPath(new URL('../../../../../shared/stripe-recordings', import.meta.url))

/** Undefined where the folder is missing, so that the caller can say that nothing was played. */
export function loadRecordings(): Flow[] | undefined {
  if (!existsSync(folder)) return undefined
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => {
      // Whoever scrubbed the recordings took the word `secret` in field names for a credential.
      const text = readFileSync(`${folder}/${file}`, 'utf8').replaceAll('<PADDLE_API_KEY>', 'secret')
      return { name: file.replace(/\.json$/, ''), calls: JSON.parse(text) as RecordedCall[] }
    })
}

/** The prices, products and coupons that a flow names without creating them, as far as its answers describe them. */
export interface Ground {
  prices: Map<string, JsonObject>
  coupons: Map<string, JsonObject>
  /** The name and unit label of a product are only seen in the wording of invoice lines. */
  products: Map<string, { name: string; unitLabel: string | undefined }>
}

export function groundOf(calls: RecordedCall[]): Ground {
  const ground: Ground = { prices: new Map(), coupons: new Map(), products: new Map() }
  for (const value of calls.flatMap(({ response }) => [...everyValue(response)])) {
    if (!isObject(value)) continue
    if (value['object'] === 'price') ground.prices.set(textAt(value, 'id'), value)
    if (value['object'] === 'coupon') ground.coupons.set(textAt(value, 'id'), value)
    if (value['object'] === 'line_item') describeProduct(value, ground)
  }
  for (const { params, response } of calls) {
    const implied = impliedPrice(params, response)
    if (implied && !ground.prices.has(implied.id)) ground.prices.set(implied.id, implied.price)
  }
  return ground
}

/** `10 user × Test Subscription (at $25.00 / month)` names the product and the unit it is counted in. */
function describeProduct(line: JsonObject, { products }: Ground): void {
  const { pricing, description } = line
  const product = at(pricing, 'price_details.product')
  if (typeof product !== 'string' || typeof description !== 'string') return
  const wording = /\d+ (?:(?<unitLabel>[^×]+) )?× (?<name>[^(]+?)(?: \(at .*)?$/.exec(description)
  if (wording?.groups)
    products.set(product, { name: wording.groups['name'] ?? '', unitLabel: wording.groups['unitLabel'] })
}

/** A checkout session says what its single line costs, and nothing else about the price it was given. */
function impliedPrice(params: Parameters, answer: JsonObject): { id: string; price: JsonObject } | undefined {
  const given = Object.fromEntries(params)
  const id = given['line_items[0][price]']
  const subtotal = answer['amount_subtotal']
  if (id === undefined || typeof subtotal !== 'number' || 'line_items[1][price]' in given) return undefined
  const price: Record<string, Json> = {
    currency: answer['currency'] ?? null,
    unit_amount: subtotal / Number(given['line_items[0][quantity]'] ?? 1),
    recurring: null,
    product: `product of ${id}`,
  }
  return { id, price }
}
