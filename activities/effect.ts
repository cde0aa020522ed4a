import type { Database } from '../db/client.ts'
import { claimEffect, type Effect, raiseOrdinal } from '../db/effects.ts'
import { BillingError } from '../domain/errors.ts'

/** Stripe may forget an idempotency key after 24 hours; an hour is kept for clocks and long requests. */
const KEY_MEMORY_MS = 23 * 60 * 60 * 1000

export interface EffectAttempt<Result> {
  database: Database
  effect: Effect
  now: Date
  /** Finds what an earlier try has done, by our own id. */
  lookUp: () => Promise<Result | undefined>
  /** Does it, under a key that makes the provider do it once. */
  call: (effectKey: string) => Promise<Result>
}

/** Has an effect at the provider exactly once, however often it is run, and whatever becomes of the answers.
 *
 *  A lost answer is asked for again under the same key: the provider replays it. A failure or a refusal is replayed as
 *  well, so after one, and when the key may be forgotten, the effect is looked up; only when it is not there does the
 *  ordinal rise, which makes a new key. */
export async function runEffect<Result>(attempt: EffectAttempt<Result>): Promise<Result> {
  const { database, effect, now, lookUp, call } = attempt
  const claim = await claimEffect(database, effect)
  let { ordinal } = claim
  if (claim.triedBefore && now.getTime() - claim.triedBefore.getTime() > KEY_MEMORY_MS) {
    const found = await lookUp()
    if (found !== undefined) return found
    ordinal = await raiseOrdinal(database, effect, ordinal)
  }
  try {
    return await call(`${effect.intent}/${ordinal}`)
  } catch (error) {
    if (!isReplayedForTheSameKey(error)) throw error
    const found = await lookUp()
    if (found !== undefined) return found
    await raiseOrdinal(database, effect, ordinal)
    throw error
  }
}

function isReplayedForTheSameKey(error: unknown): boolean {
  return (
    error instanceof BillingError &&
    (error.code === 'provider_failed' ||
      error.code === 'provider_refused' ||
      error.code === 'effect_key_conflict')
  )
}
