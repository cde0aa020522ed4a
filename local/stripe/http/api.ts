import { nobody, type Account } from '../account.ts'
import { newId } from '../store/ids.ts'
import { apiVersion } from '../objects/event.ts'
import { refuseOnAdvancingClock } from './clock-lock.ts'
import { internalError, noSuchKey, StripeError, unrecognizedUrl } from './errors.ts'
import { render } from './expand.ts'
import { concerns, happens, tooManyRequests, type Faults } from './faults.ts'
import { parseForm } from './form.ts'
import { Idempotency } from './idempotency.ts'
import { list, parseParameters, text } from './parameters.ts'
import { Router, type Match, type Route } from './router.ts'

export interface ApiRequest {
  method: string
  path: string
  query: string
  body: string
  headers: Record<string, string | string[] | undefined>
}

export interface ApiAnswer {
  status: number
  headers: Record<string, string>
  body: string
  /** The work is done, but the caller is not to hear of it. */
  lost?: true
}

/** Serves Stripe's API: who calls, what goes wrong on purpose, what was answered before, and then the call itself. */
export class Api {
  readonly #account: Account
  readonly #faults: () => Faults
  readonly #router: Router
  readonly #idempotency: Idempotency

  constructor(account: Account, faults: () => Faults, routes: Route[]) {
    this.#account = account
    this.#faults = faults
    this.#router = new Router(routes)
    this.#idempotency = new Idempotency(account)
  }

  async answer(request: ApiRequest): Promise<ApiAnswer> {
    const requestId = newId('req')
    const key = request.method === 'POST' ? headerOf(request, 'idempotency-key') : undefined
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'request-id': requestId,
      'stripe-version': headerOf(request, 'stripe-version') ?? apiVersion,
      ...(key !== undefined && { 'idempotency-key': key }),
    }
    try {
      return await this.#answer(request, requestId, key, headers)
    } catch (error) {
      return { ...this.#refusal(error, requestId), headers }
    }
  }

  async #answer(
    request: ApiRequest,
    requestId: string,
    key: string | undefined,
    headers: Record<string, string>,
  ): Promise<ApiAnswer> {
    requireKey(headerOf(request, 'authorization'))
    const match = this.#router.find(request.method, request.path)
    if (!match) throw unrecognizedUrl(request.method, request.path)
    this.#count(match)
    const { api } = this.#faults()
    const faulty = concerns(this.#faults(), request.path)
    if (faulty && happens(api.error_429)) throw tooManyRequests()
    const lost = faulty && happens(api.lost_answer)

    const kept = key === undefined ? undefined : this.#idempotency.begin(key, request)
    if (kept) return { ...kept, headers: { ...headers, ...kept.headers }, ...(lost && { lost }) }
    try {
      const fails = faulty && happens(api.error_500)
      const { status, body, began } = this.#run(match, request, requestId, key, fails)
      if (key !== undefined && began) this.#idempotency.keep(key, request, { status, body, requestId })
      if (faulty && api.delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, api.delay_ms))
      return { status, body, headers, ...(lost && { lost }) }
    } finally {
      if (key !== undefined) this.#idempotency.end(key)
    }
  }

  /** Runs the call itself, from its first effect to its last without a pause: two calls never mix. */
  #run(
    match: Match,
    request: ApiRequest,
    requestId: string,
    key: string | undefined,
    fails: boolean,
  ): { status: number; body: string; began: boolean } {
    this.#account.cause = { id: requestId, idempotency_key: key ?? null }
    const version = headerOf(request, 'stripe-version') ?? apiVersion
    try {
      if (fails) throw internalError()
      const { expand, ...raw } = parseForm(request.method === 'POST' ? request.body : request.query)
      const paths = expand === undefined ? [] : list(text()).read(expand, 'expand')
      refuseOnAdvancingClock(this.#account, request, Object.values(match.values), raw)
      const params = parseParameters(match.route.shape, raw, '', version)
      const path = (name: string): string => match.values[name] ?? ''
      const result = match.route.handle({ account: this.#account, params, path })
      return { status: 200, body: toText(render(this.#account, result, paths)), began: true }
    } catch (error) {
      const began = !(error instanceof StripeError) || error.began
      return { ...this.#refusal(error, requestId), began }
    } finally {
      this.#account.cause = nobody
    }
  }

  #refusal(error: unknown, requestId: string): { status: number; body: string } {
    // A mistake of ours is shown as what it is: Stripe's 500, with the reason on standard error.
    if (!(error instanceof StripeError)) console.error('The local Stripe failed at', requestId, error)
    const { status, body } = error instanceof StripeError ? error : internalError()
    const logUrl = `https://dashboard.stripe.com/test/logs/${requestId}`
    return {
      status,
      body: toText({ error: { ...body, ...(status !== 401 && { request_log_url: logUrl }) } }),
    }
  }

  #count({ route }: Match): void {
    const { callCounts } = this.#account
    const id = `${route.method} ${route.template.replaceAll(/:(\w+)/g, '{$1}')}`
    const known = callCounts.get(id)
    if (known) callCounts.change(known, { count: known.count + 1 })
    else callCounts.insert({ id, count: 1 })
  }
}

const toText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`

function headerOf({ headers }: ApiRequest, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Any test key is good, as a bearer token or as the user name of basic authentication. */
function requireKey(authorization: string | undefined): void {
  const [scheme = '', credentials = ''] = (authorization ?? '').split(' ')
  const key =
    scheme.toLowerCase() === 'basic'
      ? (Buffer.from(credentials, 'base64').toString('utf8').split(':')[0] ?? '')
      : credentials
  if (!key.startsWith('sk_test_')) throw noSuchKey(key)
}
