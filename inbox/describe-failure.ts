import { isGrpcServiceError } from '@temporalio/client'
import { describeDatabaseError, isDatabaseUnavailable } from '../db/unavailable.ts'

/** Why an attempt failed, without values: messages of the database and of Temporal may quote what a customer typed. */
export function describeFailure(error: unknown): string {
  if (isDatabaseUnavailable(error)) return 'the database could not be reached'
  const databaseError = describeDatabaseError(error)
  if (databaseError) return databaseError
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) return `Temporal answered with gRPC status ${cause.code}`
  }
  return error instanceof Error ? error.name : 'unknown error'
}
