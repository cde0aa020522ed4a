import { badParameter, StripeError } from './errors.ts'

/** What goes wrong on purpose. Probabilities are from 0 to 1. */
export interface Faults {
  webhooks: { duplicate: number; reorder: number; drop: number; delay_ms: number }
  api: {
    error_429: number
    error_500: number
    lost_answer: number
    delay_ms: number
    paths: string[] | undefined
  }
}

export const noFaults = (): Faults => ({
  webhooks: { duplicate: 0, reorder: 0, drop: 0, delay_ms: 0 },
  api: { error_429: 0, error_500: 0, lost_answer: 0, delay_ms: 0, paths: undefined },
})

/** Reads `POST /_local/faults`. Parts that are not named are as without faults.
 *  @throws StripeError 400 naming what is wrong. */
export function readFaults(body: unknown): Faults {
  const given = record(body, 'body', ['webhooks', 'api'])
  const webhooks = record(given.webhooks ?? {}, 'webhooks', ['duplicate', 'reorder', 'drop', 'delay_ms'])
  const api = record(given.api ?? {}, 'api', ['error_429', 'error_500', 'lost_answer', 'delay_ms', 'paths'])
  return {
    webhooks: {
      duplicate: probability(webhooks.duplicate, 'webhooks.duplicate'),
      reorder: probability(webhooks.reorder, 'webhooks.reorder'),
      drop: probability(webhooks.drop, 'webhooks.drop'),
      delay_ms: milliseconds(webhooks.delay_ms, 'webhooks.delay_ms'),
    },
    api: {
      error_429: probability(api.error_429, 'api.error_429'),
      error_500: probability(api.error_500, 'api.error_500'),
      lost_answer: probability(api.lost_answer, 'api.lost_answer'),
      delay_ms: milliseconds(api.delay_ms, 'api.delay_ms'),
      paths: paths(api.paths),
    },
  }
}

function record(value: unknown, name: string, known: string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badParameter(`${name} must be an object`, { param: name })
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined) throw badParameter(`${name} has no fault named ${unknown}`, { param: unknown })
  return value as Record<string, unknown>
}

function probability(value: unknown, param: string): number {
  if (value === undefined) return 0
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw badParameter(`${param} must be a probability from 0 to 1`, { param })
  return value
}

function milliseconds(value: unknown, param: string): number {
  if (value === undefined) return 0
  if (typeof value !== 'number' || !(value >= 0 && value <= 600_000))
    throw badParameter(`${param} must be milliseconds, at most ten minutes`, { param })
  return value
}

function paths(value: unknown): string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((path) => typeof path === 'string'))
    throw badParameter('api.paths must be a list of paths', { param: 'api.paths' })
  return value
}

export const happens = (chance: number): boolean => chance > 0 && Math.random() < chance

/** Whether a call is one of those that go wrong: a path stands for everything below it. */
export const concerns = (faults: Faults, path: string): boolean =>
  faults.api.paths === undefined ||
  faults.api.paths.some((start) => path === start || path.startsWith(`${start}/`))

export const tooManyRequests = (): StripeError =>
  new StripeError(
    429,
    {
      type: 'invalid_request_error',
      code: 'rate_limit',
      message:
        'Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.',
    },
    false,
  )
