import { ApplicationFailure } from '@temporalio/common'
import { describeDatabaseError, isDatabaseUnavailable } from '../db/unavailable.ts'
import { BillingError } from '../domain/errors.ts'

/** Turns any error of an activity into a failure that Temporal either retries or ends. Failures are kept in histories and
 *  shown to operators unencrypted, so only words of our own pass: no values of a query, no message of a provider. */
export function toFailure(error: unknown): Error {
  if (error instanceof ApplicationFailure) return error
  if (error instanceof BillingError) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.detail,
      nonRetryable: !error.retryable,
      details: [error.facts],
      ...(error.retryAfterSeconds !== undefined && { nextRetryDelay: error.retryAfterSeconds * 1000 }),
    })
  }
  if (isDatabaseUnavailable(error)) {
    return ApplicationFailure.create({
      type: 'database_unavailable',
      message: 'The database could not be reached.',
    })
  }
  // A defect of ours. Retried, because the mended code may be deployed while the workflow waits.
  return ApplicationFailure.create({
    type: 'internal',
    message: describeDatabaseError(error) ?? describeDefect(error),
  })
}

/** A library's message may quote what a customer typed: an address is blotted out wherever it stands. */
function describeDefect(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return `${error.name}: ${error.message}`.replaceAll(/[^\s"'<>()]+@[^\s"'<>()]+/g, '…')
}
