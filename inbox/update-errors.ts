import {
  isGrpcServiceError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { BillingError, isErrorCode } from '../domain/errors.ts'

/** What an update of a workflow that failed means for whoever asked. */
export function translateUpdateError(error: unknown, facts: Record<string, string>): unknown {
  const retryLater = { facts, retryAfterSeconds: 2, cause: error }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
    return new BillingError('outcome_pending', retryLater)
  if (error instanceof WorkflowUpdateFailedError) return refusalOf(error, facts)
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) return new BillingError('orchestrator_unavailable', retryLater)
  }
  return error
}

/** The refusal that an activity gave, as `failures.ts` wrote it into the failure. */
function refusalOf(error: WorkflowUpdateFailedError, facts: Record<string, string>): BillingError {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && cause.type && isErrorCode(cause.type)) {
      const [details] = (cause.details ?? []) as [Record<string, string>?]
      return new BillingError(cause.type, {
        detail: cause.message,
        facts: { ...details, ...facts },
        cause: error,
      })
    }
  }
  return new BillingError('internal', { facts, cause: error })
}
