import { Stripe } from 'stripe'
import { BillingError, type ErrorDetail } from '../../domain/errors.ts'

/** Turns whatever Stripe's SDK throws into an error of the catalogue. Stripe's own messages are left behind: they may quote
 *  an email address, and failures are kept in histories. Its codes and parameters say enough.
 *  Source: https://docs.stripe.com/error-low-level and https://docs.stripe.com/api/errors */
export function translateStripeError(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error
  const facts = {
    ...(error.code && { provider_code: error.code }),
    ...(error.param && { provider_param: error.param }),
    ...(error.decline_code && { decline_code: error.decline_code }),
    ...(error.requestId && { provider_request_id: error.requestId }),
  }
  const detail: ErrorDetail = { facts, cause: error }

  if (error instanceof Stripe.errors.StripeCardError) return new BillingError('card_declined', detail)
  if (error instanceof Stripe.errors.StripeRateLimitError || error.statusCode === 429)
    return new BillingError('provider_rate_limited', {
      ...detail,
      retryAfterSeconds: retryAfterOf(error) ?? 2,
    })
  if (error instanceof Stripe.errors.StripeConnectionError)
    return new BillingError('provider_unavailable', detail)
  if (
    error instanceof Stripe.errors.StripeAuthenticationError ||
    error instanceof Stripe.errors.StripePermissionError
  )
    return new BillingError('provider_credentials_invalid', detail)
  // 409: a request with the same key is still running. It has not ended, so neither may we.
  if (error.statusCode === 409)
    return new BillingError('provider_rate_limited', { ...detail, retryAfterSeconds: 1 })
  if (error instanceof Stripe.errors.StripeIdempotencyError)
    return new BillingError('effect_key_conflict', detail)
  if (error.statusCode !== undefined && error.statusCode >= 500)
    return new BillingError('provider_failed', detail)
  // Of an object that is not there Stripe names the parameter; of a customer without any card it says this code alone.
  if (error.code === 'resource_missing' && !error.param)
    return new BillingError('card_declined', {
      facts: { ...facts, decline_code: 'no_payment_method' },
      cause: error,
      detail: 'The customer has no card that could be charged. Have one saved, then repeat the request.',
    })
  if (error.code === 'resource_missing') return new BillingError('provider_object_missing', detail)
  const what = [error.code, error.param && `field ${error.param}`].filter(Boolean).join(', ')
  return new BillingError('provider_refused', {
    ...detail,
    detail: what
      ? `The payment provider refused the request: ${what}.`
      : 'The payment provider refused the request.',
  })
}

function retryAfterOf(error: InstanceType<typeof Stripe.errors.StripeError>): number | undefined {
  const seconds = Number(error.headers?.['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined
}
