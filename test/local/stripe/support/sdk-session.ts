import { Stripe } from 'stripe'
import { startLocalStripe } from '../../../../local/stripe/server.ts'

export type LocalStripe = Awaited<ReturnType<typeof startLocalStripe>>

/** The official SDK, pointed at a local Stripe; it repeats nothing by itself unless told to. */
export function sdkFor(url: string, options: { maxNetworkRetries?: number } = {}): Stripe {
  const { hostname, port } = new URL(url)
  return new Stripe('sk_test_sdk', {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
    ...options,
  })
}

export interface Faults {
  webhooks?: { duplicate?: number; reorder?: number; drop?: number; delay_ms?: number }
  api?: { error_429?: number; error_500?: number; lost_answer?: number; delay_ms?: number; paths?: string[] }
}

interface Counts {
  /** By method and path, such as `GET /v1/customers/{customer}`. */
  calls: Record<string, number>
  charges_per_payment_intent: Record<string, number>
  charges_per_invoice: Record<string, number>
  attempts_per_invoice: Record<string, number>
  refunds_per_charge: Record<string, number>
  refunds_per_payment_intent: Record<string, number>
}

/** What a local Stripe offers beside Stripe's API. */
export const localCalls = (url: string) => ({
  faults: (faults: Faults) => call('POST', `${url}/_local/faults`, faults),
  noFaults: () => call('DELETE', `${url}/_local/faults`),
  counts: async () => (await call('GET', `${url}/_local/counts`)) as Counts,
  /** One of the controls that only a stand-in has, such as `refunds/re_…/move`. */
  control: (path: string, given: object) => call('POST', `${url}/_local/${path}`, given),
  pay: (session: string, card: string) => call('POST', `${url}/_local/checkout/${session}/pay`, { card }),
})

async function call(method: string, url: string, body?: object): Promise<unknown> {
  const content = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(url, { method, ...content })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** The id of something that Stripe names by its id, or shows whole when asked to. */
export function idOf(named: string | { id: string } | null | undefined): string {
  if (!named) throw new Error('Nothing is named here')
  return typeof named === 'string' ? named : named.id
}
