import { createHash, randomBytes } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Database } from '../db/client.ts'
import {
  type Claim,
  claimIdempotencyKey,
  type IdempotencyKey,
  keepAnswer,
  LOCK_SECONDS,
  releaseIdempotencyKey,
  reopenIdempotencyKey,
} from '../db/idempotency.ts'
import { BillingError } from '../domain/errors.ts'
import { canonicalJson } from './canonical-json.ts'
import type { CallerEnv, Tenant } from './context.ts'
import { describeError, PROBLEM_TYPE } from './problem.ts'
import type { BodyEnv } from './read-body.ts'
import { hashKey, openAnswer, type SealContext, sealAnswer } from './secrets.ts'

export interface SeedEnv {
  /** Ids of what the request makes are derived from it, so that a repeated request makes the same. */
  Variables: { seed: Buffer }
}

/** Visible ASCII characters. */
export const idempotencyKeyPattern = /^[!-~]{1,255}$/

/** Makes a POST safe to repeat. With an `Idempotency-Key`, the first attempt does the work; its answer is kept and given to
 *  whoever repeats the request; an attempt that died is taken over with the same seed once its lock has run out. */
export function idempotent({ system, livemode }: { system: Database; livemode: boolean }) {
  return createMiddleware<CallerEnv & BodyEnv & SeedEnv & { Variables: { tenant?: Tenant } }>(
    async (c, next) => {
      const idempotencyKey = c.req.header('Idempotency-Key')
      if (idempotencyKey === undefined) {
        c.set('seed', randomBytes(16))
        return next()
      }
      if (!idempotencyKeyPattern.test(idempotencyKey)) throw malformedKey()

      const { bearer, tenant, caller } = c.var
      const requestHash = createHash('sha256')
        .update(canonicalJson([c.req.method, c.req.path, tenant?.projectId ?? null, c.var.body]))
        .digest()
      const scope =
        caller.kind === 'project' ? `${caller.projectId}/${livemode ? 'live' : 'test'}` : caller.operatorId
      const key: IdempotencyKey = { scope, keyHash: hashKey(idempotencyKey) }
      const seal: SealContext = { bearer, idempotencyKey, requestHash }

      let claim = await claimIdempotencyKey(system, { ...key, requestHash, newSeed: randomBytes(16) })
      if (claim.state === 'answered') {
        const answer = openAnswer(claim.sealedAnswer, seal)
        if (answer !== undefined) return replay(c, claim.status, answer)
        // Sealed under a key that the caller has changed since. Doing the work again with its seed finds it done.
        claim = await reopenIdempotencyKey(system, key)
      }
      const { seed, lockedUntil } = mustBeClaimed(claim)
      c.set('seed', seed)

      await next()

      try {
        if (isFinal(c.res.status))
          await keepAnswer(system, {
            ...key,
            status: c.res.status,
            sealedAnswer: sealAnswer(await c.res.clone().text(), seal),
          })
        else await releaseIdempotencyKey(system, { ...key, lockedUntil })
      } catch (error) {
        // The work is done and its answer is at hand. A repetition waits for the lock and then finds the work done.
        c.var.log.warn({ error: describeError(error) }, 'an answer could not be kept')
      }
    },
  )
}

/** Whether a repetition would be answered the same. Trouble passes, so its answers are never kept. */
const isFinal = (status: number) => status < 500 && status !== 409 && status !== 429

function mustBeClaimed(claim: Claim): Extract<Claim, { state: 'claimed' }> {
  if (claim.state === 'claimed') return claim
  if (claim.state === 'reused') throw new BillingError('idempotency_key_reused')
  throw new BillingError('idempotency_in_progress', { retryAfterSeconds: 1 })
}

function replay(c: Context, status: number, answer: string): Response {
  return c.body(answer, status as ContentfulStatusCode, {
    'Content-Type': status < 400 ? 'application/json' : PROBLEM_TYPE,
    'Idempotent-Replayed': 'true',
  })
}

function malformedKey(): BillingError {
  const message = 'Idempotency-Key must be 1 to 255 visible ASCII characters; a random UUID serves well.'
  return new BillingError('invalid_request', { fields: [{ path: 'Idempotency-Key', message }] })
}

export const idempotencyNotes =
  `The same key and body give the same answer (marked \`Idempotent-Replayed: true\`) for at least 24 hours; the same key with another body is refused with 422. ` +
  `While the first attempt is in progress, which is ${LOCK_SECONDS} seconds at most, the answer is 409.`
