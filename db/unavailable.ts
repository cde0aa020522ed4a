import { DrizzleQueryError } from 'drizzle-orm'

/** The connection is gone, as postgres.js, Node and the server name it:
 *  https://www.postgresql.org/docs/current/errcodes-appendix.html */
const lost = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  '57P01', // shut down by an administrator
  '57P02', // crashed
])

const transient = new Set([
  ...lost,
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  '40001', // serialization failure
  '40P01', // deadlock
  '53300', // too many connections
  '55P03', // lock not available
  '57014', // statement timeout
  '57P03', // starting up
])

/** Whether the same statement may succeed later without anyone changing anything. Looks through wrapping errors. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return hasCode(error, (code) => transient.has(code) || code.startsWith('08'))
}

/** Whether the server refused a value itself ("data exception"): the same value will never be taken. */
export function isValueRefused(error: unknown): boolean {
  return hasCode(error, (code) => /^22[0-9A-Z]{3}$/.test(code))
}

/** Whether the connection on which this failed has ended, so that its transaction has ended too. */
export function isConnectionLost(error: unknown): boolean {
  return hasCode(error, (code) => lost.has(code))
}

function hasCode(error: unknown, matches: (code: string) => boolean): boolean {
  for (
    let current: unknown = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth += 1
  ) {
    if ('code' in current && typeof current.code === 'string' && matches(current.code)) return true
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
