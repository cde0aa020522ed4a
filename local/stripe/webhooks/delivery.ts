import { newId } from '../store/ids.ts'

/** An event on its way to an endpoint; gone once the endpoint has answered 2xx. */
export interface Delivery {
  id: string
  event: string
  endpoint: string
  attempts: number
  /** Milliseconds since 1970. */
  nextAttemptAt: number
  givenUpAt: number
}

const daysOfRetries = 3

export const newDelivery = (event: string, endpoint: string, nextAttemptAt: number): Delivery => ({
  id: newId('whd'),
  event,
  endpoint,
  attempts: 0,
  nextAttemptAt,
  givenUpAt: Date.now() + daysOfRetries * 24 * 60 * 60 * 1000,
})

/** Stripe waits minutes and hours; a laptop need not: 1, 2, 4, 8, 16, 30, 30, … seconds. */
export const retryDelayMs = (attempts: number): number => Math.min(1000 * 2 ** (attempts - 1), 30_000)
