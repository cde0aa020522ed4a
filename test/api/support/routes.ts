import type { OpenApiDocument } from './conformance.ts'

/** An endpoint under /api/v1, as the document tells of it. */
export interface Route {
  /** `POST /api/v1/payments` */
  name: string
  method: string
  /** With its parameters in braces. */
  path: string
  takesBody: boolean
  query: string[]
}

interface Described {
  requestBody?: unknown
  parameters?: { in?: string; name?: string }[]
}

export function routesOf({ paths }: OpenApiDocument): Route[] {
  return Object.entries(paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, item]) =>
      Object.entries(item as Record<string, Described>).map(([verb, { requestBody, parameters = [] }]) => ({
        name: `${verb.toUpperCase()} ${path}`,
        method: verb.toUpperCase(),
        path,
        takesBody: requestBody !== undefined,
        query: parameters.flatMap(({ in: place, name }) => (place === 'query' && name ? [name] : [])),
      })),
    )
}

/** What is named in the place of a parameter; a new one wants to be told here by whoever makes it. */
export function fill(path: string, named: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_whole, parameter: string) => {
    const value = named[parameter]
    if (value === undefined) throw new Error(`No test knows what to put for ${parameter} in ${path}.`)
    return value
  })
}

/** A good body for each route that takes one, which names what is given wherever it names something.
 *  @throws for a route that is not among them: whoever makes it writes its body here. */
export function bodyOf({ name }: Route, named: Record<string, string>): object {
  const { user_id, payment_id, subscription_id, clock_id } = named
  const payment = {
    user_id,
    plan_id: 'pro',
    test_clock_id: clock_id,
    success_url: 'https://shop.test/thanks',
    cancel_url: 'https://shop.test/basket',
  }
  const reason = { reason: 'Because.' }
  const credits = { amount: 1_000, reason: 'Because.' }
  const frozenTime = { frozen_time: '2027-01-31T12:00:00Z' }
  const bodies: Record<string, object> = {
    'POST /api/v1/projects': { name: 'Shop', currency: 'usd' },
    'POST /api/v1/projects/{project_id}/keys': {},
    'POST /api/v1/operators': { name: 'Ana', role: 'viewer' },
    'POST /api/v1/payments': payment,
    'POST /api/v1/apps/{app_id}/billing/checkout': payment,
    'POST /api/v1/subscriptions/{subscription_id}/change-plan': { plan_id: 'pro', when: 'now' },
    'POST /api/v1/subscriptions/{subscription_id}/preview-change': { plan_id: 'pro', when: 'now' },
    'POST /api/v1/subscriptions/{subscription_id}/cancel': { at: 'now' },
    'POST /api/v1/subscriptions/{subscription_id}/pause': {},
    'POST /api/v1/subscriptions/{subscription_id}/resume': {},
    'POST /api/v1/subscriptions/{subscription_id}/retry-payment': {},
    'POST /api/v1/customers/{user_id}/payment-methods': { payment_method_id: 'pm_1' },
    'POST /api/v1/customers/{user_id}/payment-methods/{payment_method_id}/default': { subscription_id },
    'POST /api/v1/refunds': { payment_id },
    'POST /api/v1/refunds/{refund_id}/approve': reason,
    'POST /api/v1/refunds/{refund_id}/reject': reason,
    'PUT /api/v1/projects/{project_id}/refund-policy': {},
    'POST /api/v1/wallets/{user_id}/consume': { amount: 1_000, usage_id: 'call-1' },
    'POST /api/v1/wallets/{user_id}/grant': { ...credits, kind: 'bonus', grant_id: 'welcome' },
    'POST /api/v1/wallets/{user_id}/adjust': { ...credits, adjustment_id: 'ticket-1' },
    'POST /api/v1/wallets/{user_id}/lock': reason,
    'POST /api/v1/wallets/{user_id}/unlock': reason,
    'PUT /api/v1/wallets/{user_id}/settings': {},
    'PUT /api/v1/projects/{project_id}/dunning-policy': { policy: {} },
    'POST /api/v1/test-clocks': frozenTime,
    'POST /api/v1/test-clocks/{clock_id}/advance': frozenTime,
    'POST /api/v1/reconciliations': {},
  }
  const body = bodies[name]
  if (!body) throw new Error(`No test has a body for ${name}.`)
  return body
}
