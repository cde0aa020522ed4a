import { compareAnswers } from './compare-answers.ts'
import { IdMap } from './id-map.ts'
import { isObject, textAt, type Json, type JsonObject } from './json.ts'
import type { Parameters, RawClient } from './raw-client.ts'
import { groundOf, type Flow, type Ground } from './recordings.ts'

/**
 * Plays a recorded flow against the local Stripe and returns where its answers differ from Stripe's, one line each.
 * It ends at the first answer with another status, since all that follows would only repeat the same difference.
 */
export async function playFlow(flow: Flow, everyFlow: Flow[], client: RawClient): Promise<string[]> {
  const ids = new IdMap()
  await prepareGround(flow, everyFlow, client, ids)

  const differences: string[] = []
  let recordedStart_s: number | undefined
  let localStart_s: number | undefined
  for (const [index, call] of flow.calls.entries()) {
    const params = call.params.map(([name, value]) => [name, ids.translate(value)] as const)
    const answer = await client.send(call.method, ids.translate(call.path), params)
    const title = `#${index} ${call.method} ${call.path}`
    if (answer.status !== call.status) {
      const told = isObject(answer.body['error']) ? answer.body['error']['message'] : answer.body
      return [
        ...differences,
        `${title}: expected status ${call.status}, got ${answer.status}: ${JSON.stringify(told)}`,
      ]
    }
    // The first call of every flow creates a customer, which tells when the flow began.
    recordedStart_s ??= Number(call.response['created'])
    localStart_s ??= Number(answer.body['created'])
    const recordedVersion = call.api_version.slice(0, '2025-01-01'.length)
    const found = compareAnswers(call.response, answer.body, {
      ids,
      recordedVersion,
      recordedStart_s,
      localStart_s,
    })
    differences.push(...found.map((difference) => `${title}: ${difference}`))
  }
  return differences
}

/** Creates what the flow takes for granted, as far as its own answers, or else those of another flow, describe it. */
async function prepareGround(flow: Flow, everyFlow: Flow[], client: RawClient, ids: IdMap): Promise<void> {
  const own = groundOf(flow.calls)
  const elsewhere = groundOf(everyFlow.flatMap(({ calls }) => calls))
  const named = new Set(flow.calls.flatMap(({ params }) => params.map(([, value]) => value)))

  const prices = new Map([...elsewhere.prices].filter(([id]) => own.prices.has(id) || named.has(id)))
  for (const [id, price] of prices) {
    const product = textAt(price, 'product')
    if (!ids.has(product)) ids.pair(product, await createProduct(product, elsewhere, client))
    ids.pair(id, await created(client, '/v1/prices', priceParameters(price, ids.translate(product))))
  }
  for (const [id, coupon] of own.coupons) {
    const fields = ['id', 'percent_off', 'amount_off', 'currency', 'duration', 'duration_in_months', 'name']
    ids.pair(id, await created(client, '/v1/coupons', given(coupon, fields)))
  }
}

const createProduct = (id: string, { products }: Ground, client: RawClient) => {
  const { name, unitLabel } = products.get(id) ?? { name: 'A recorded product', unitLabel: undefined }
  return created(client, '/v1/products', [
    ['name', name],
    ...(unitLabel ? [['unit_label', unitLabel] as const] : []),
  ])
}

function priceParameters(price: JsonObject, product: string): Parameters {
  const recurring = isObject(price['recurring'])
    ? given(price['recurring'], ['interval', 'interval_count', 'usage_type'])
    : []
  return [
    ...given(price, ['currency', 'unit_amount', 'nickname', 'tax_behavior', 'lookup_key']),
    ['product', product],
    ...recurring.map(([name, value]) => [`recurring[${name}]`, value] as const),
  ]
}

const given = (source: JsonObject, fields: string[]): Parameters =>
  fields.flatMap((field) => {
    const value: Json | undefined = source[field]
    return typeof value === 'string' || typeof value === 'number' ? [[field, String(value)] as const] : []
  })

async function created(client: RawClient, path: string, params: Parameters): Promise<string> {
  const answer = await client.post(path, params)
  if (answer.status !== 200)
    throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return textAt(answer.body, 'id')
}
