import { createHash } from 'node:crypto'
import type { Account } from '../account.ts'
import type { KeptAnswer } from '../collections.ts'
import { StripeError } from './errors.ts'

interface Request {
  method: string
  path: string
  body: string
}

const keptSeconds = 24 * 60 * 60

/** Keeps the first answer of each idempotency key, also a refusal or a 500, and gives it again for a day. */
export class Idempotency {
  readonly #account: Account
  readonly #running = new Set<string>()

  constructor(account: Account) {
    this.#account = account
  }

  /** @returns the answer to replay, or nothing: then the call begins, and `end` must follow.
   *  @throws StripeError when the key belongs to another request, or to one that is still running. */
  begin(
    key: string,
    request: Request,
  ): { status: number; body: string; headers: Record<string, string> } | undefined {
    if (key.length > 255)
      throw refusal(400, { message: 'Idempotency keys can be at most 255 characters long.' })
    if (this.#running.has(key)) throw stillRunning(key)
    const kept = this.#fresh(key)
    if (kept) {
      if (kept.request !== fingerprintOf(request)) throw otherRequest(key, kept, request)
      return {
        status: kept.status,
        body: kept.body,
        headers: { 'idempotent-replayed': 'true', 'original-request': kept.requestId },
      }
    }
    this.#running.add(key)
    return undefined
  }

  keep(key: string, request: Request, answer: { status: number; body: string; requestId: string }): void {
    this.#account.keptAnswers.insert({
      id: key,
      path: request.path,
      request: fingerprintOf(request),
      created: Math.floor(Date.now() / 1000),
      ...answer,
    })
  }

  end(key: string): void {
    this.#running.delete(key)
  }

  #fresh(key: string): KeptAnswer | undefined {
    const { keptAnswers } = this.#account
    const oldest = keptAnswers.all()[0]
    const limit = Date.now() / 1000 - keptSeconds
    if (oldest && oldest.created < limit) keptAnswers.remove(oldest)
    const kept = keptAnswers.get(key)
    if (kept && kept.created < limit) {
      keptAnswers.remove(kept)
      return undefined
    }
    return kept
  }
}

const fingerprintOf = ({ method, path, body }: Request): string =>
  createHash('sha256').update(`${method} ${path}\n${body}`).digest('base64')

const refusal = (
  status: number,
  body: { message: string; code?: string; type?: 'idempotency_error' },
): StripeError => new StripeError(status, { type: 'invalid_request_error', ...body }, false)

function otherRequest(key: string, kept: KeptAnswer, request: Request): StripeError {
  const advice = `Try using a key other than '${key}' if you meant to execute a different request.`
  const message =
    kept.path === request.path
      ? `Keys for idempotent requests can only be used with the same parameters they were first used with. ${advice}`
      : `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${kept.path}' vs '${request.path}'). ${advice}`
  return refusal(400, { type: 'idempotency_error', message })
}

const stillRunning = (key: string): StripeError =>
  refusal(409, {
    code: 'idempotency_key_in_use',
    message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
  })
