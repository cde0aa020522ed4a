import { ApplicationFailure } from '@temporalio/common'
import { describeDatabaseError, isDatabaseUnavailable, isValueRefused } from '../db/unavailable.ts'
import { BillingError, errorCatalog, type ErrorCode } from '../domain/errors.ts'

/** Turns any error of an activity into a failure that Temporal either retries or ends. Failures are kept in histories and
 *  shown to operators unencrypted, so only words of our own pass: no values of a query, no message of a provider. */
export function toFailure(error: unknown): Error {
  if (error instanceof ApplicationFailure) return error
  if (error instanceof BillingError) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.detail === errorCatalog[error.code].message ? wordsOf(error.code) : error.detail,
      nonRetryable: !error.retryable,
      details: [error.facts],
      ...(error.retryAfterSeconds !== undefined && { nextRetryDelay: error.retryAfterSeconds * 1000 }),
    })
  }
  if (isDatabaseUnavailable(error)) {
    return ApplicationFailure.create({
      type: 'database_unavailable',
      message: wordsOf('database_unavailable'),
    })
  }
  // A defect of ours. Retried, because the mended code may be deployed while the workflow waits. Not with a value that the
  // database will never take: whatever waits behind it would wait for ever.
  return ApplicationFailure.create({
    type: 'internal',
    nonRetryable: isValueRefused(error),
    message: describeDatabaseError(error) ?? describeDefect(error),
  })
}

/** What passes is tried again without anybody's doing, so its words are for operators alone: the catalogue's ask whoever
 *  called to repeat the request. */
const goesOn = 'It is tried again by itself: nothing is lost, and nothing is charged twice.'
const forOperators: Partial<Record<ErrorCode, string>> = {
  attempt_under_way: 'Another charge of this invoice has not been answered yet. It goes on as soon as it is.',
  database_unavailable: `The database could not be reached. ${goesOn}`,
  effect_key_conflict: `An earlier attempt asked Stripe for something else under the same key. ${goesOn}`,
  orchestrator_unavailable: `Temporal could not be reached in time. ${goesOn}`,
  provider_credentials_invalid:
    "Stripe refuses this installation's key. Give API and workers a valid STRIPE_SECRET_KEY: it goes on by itself then.",
  provider_failed: `Stripe answered with a failure of its own. ${goesOn}`,
  provider_rate_limited: `Stripe asks us to slow down. ${goesOn}`,
  provider_unavailable: `Stripe could not be reached. ${goesOn}`,
}
const wordsOf = (code: ErrorCode): string => forOperators[code] ?? errorCatalog[code].message

/** A library's message may quote what a customer typed: an address is blotted out wherever it stands. */
function describeDefect(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return `${error.name}: ${error.message}`.replaceAll(/[^\s"'<>()]+@[^\s"'<>()]+/g, '…')
}
