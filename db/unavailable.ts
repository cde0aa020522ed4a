import { DrizzleQueryError } from 'drizzle-orm'

/** Connection trouble, as postgres.js and the server name it: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const transient = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  '40001', // serialization failure
  '40P01', // deadlock
  '53300', // too many connections
  '55P03', // lock not available
  '57014', // statement timeout
  '57P01', // shut down by an administrator
  '57P02', // crashed
  '57P03', // starting up
])

/** Whether the same statement may succeed later without anyone changing anything. Looks through wrapping errors. */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (
    let current: unknown = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth += 1
  ) {
    const code = 'code' in current ? current.code : undefined
    if (typeof code === 'string' && (transient.has(code) || code.startsWith('08'))) return true
  }
  return false
}

/** The SQLSTATE and constraint of a database error, without the values: those may be personal.
 *  @returns `undefined` for an error that did not come from a query. */
export function describeDatabaseError(error: unknown): string | undefined {
  let fromQuery = false
  for (
    let current: unknown = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth += 1
  ) {
    // Its message holds the query and its parameters.
    if (current instanceof DrizzleQueryError) fromQuery = true
    if (current.name !== 'PostgresError' || !('code' in current)) continue
    const constraint =
      'constraint_name' in current && typeof current.constraint_name === 'string'
        ? ` on ${current.constraint_name}`
        : ''
    return `database error ${String(current.code)}${constraint}`
  }
  return fromQuery ? 'database error without a code' : undefined
}
