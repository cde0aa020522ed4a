/** What Stripe says when it refuses. The fields are those of its error object. */
export interface ErrorBody {
  type: 'invalid_request_error' | 'card_error' | 'api_error' | 'idempotency_error'
  message: string
  code?: string
  param?: string
  decline_code?: string
  advice_code?: string
  network_decline_code?: string
  charge?: string
  doc_url?: string
  payment_intent?: object
  setup_intent?: object
  payment_method?: object
}

export class StripeError extends Error {
  readonly status: number
  readonly body: ErrorBody
  /** False for what is refused before the work began: such answers are not kept under an idempotency key. */
  readonly began: boolean

  constructor(status: number, body: ErrorBody, began = true) {
    super(body.message)
    this.name = 'StripeError'
    this.status = status
    this.body = body.code ? { ...body, doc_url: docUrl(body.code) } : body
    this.began = began
  }
}

export const docUrl = (code: string): string =>
  `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`

const invalid = (message: string, extra: Partial<ErrorBody> = {}): ErrorBody => ({
  type: 'invalid_request_error',
  message,
  ...extra,
})

/** A refusal that a handler finds out while it works. */
export const invalidRequest = (message: string, extra: Partial<ErrorBody> = {}): StripeError =>
  new StripeError(400, invalid(message, extra))

/** A refusal by the shape of the request alone. */
export const badParameter = (message: string, extra: Partial<ErrorBody> = {}): StripeError =>
  new StripeError(400, invalid(message, extra), false)

export const unknownParameters = (names: string[]): StripeError =>
  badParameter(`Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`, {
    code: 'parameter_unknown',
    param: names[0],
  })

export const missingParameter = (param: string): StripeError =>
  badParameter(`Missing required param: ${param}.`, { code: 'parameter_missing', param })

/** Something named by the path is 404; named by a parameter it is 400, and the parameter is told. */
export const noSuch = (what: string, id: string, param?: string): StripeError =>
  new StripeError(
    param === undefined ? 404 : 400,
    invalid(`No such ${what}: '${id}'`, { code: 'resource_missing', param: param ?? 'id' }),
  )

/** What Stripe can do and this stand-in cannot is refused in words, never ignored: a test would pass for nothing. */
export const notSupportedHere = (what: string, param?: string): StripeError =>
  badParameter(`The local Stripe does not support ${what}.`, param === undefined ? {} : { param })

export const unrecognizedUrl = (method: string, path: string): StripeError =>
  new StripeError(
    404,
    invalid(
      `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
    ),
  )

/** No key, or none of a test account. Stripe shows the key's ends only. */
export const noSuchKey = (key: string): StripeError =>
  new StripeError(
    401,
    {
      type: 'invalid_request_error',
      message:
        key === ''
          ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/."
          : `Invalid API Key provided: ${key.slice(0, 8)}${'*'.repeat(Math.min(Math.max(key.length - 12, 0), 20))}${key.length > 12 ? key.slice(-4) : ''}`,
    },
    false,
  )

export const internalError = (): StripeError =>
  new StripeError(500, {
    type: 'api_error',
    message:
      'An unknown error occurred. If the problem persists, let us know at https://support.stripe.com/.',
  })
