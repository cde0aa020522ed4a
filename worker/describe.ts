import { describeDatabaseError, isDatabaseUnavailable } from '../db/unavailable.ts'

/** What went wrong, for a log: without the values of a statement, which may be personal. */
export function describeTrouble(error: unknown): string {
  if (isDatabaseUnavailable(error)) return 'the database could not be reached'
  return describeDatabaseError(error) ?? (error instanceof Error ? error.message : 'unknown error')
}
