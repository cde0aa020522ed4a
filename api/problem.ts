import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { describeDatabaseError, isDatabaseUnavailable } from '../db/unavailable.ts'
import { BillingError, type ErrorCode } from '../domain/errors.ts'
import type { BaseEnv } from './context.ts'

/** The only place where an error becomes an answer (RFC 9457). */

export const problems = {
  invalid_request: [400, 'Invalid fields'],
  malformed_body: [400, 'Malformed body'],
  body_too_large: [413, 'Body too large'],
  unsupported_media_type: [415, 'Unsupported media type'],
  route_not_found: [404, 'No such endpoint'],
  method_not_allowed: [405, 'Method not allowed'],
  key_missing: [401, 'Key missing'],
  key_invalid: [401, 'Key invalid'],
  key_mode_mismatch: [403, 'Key of the other mode'],
  operator_required: [403, 'Operators only'],
  operator_role_insufficient: [403, 'Role does not allow it'],
  project_required: [400, 'Project not named'],
  project_mismatch: [403, "Another project's key"],
  project_not_found: [404, 'No such project'],
  not_found: [404, 'Not found'],
  plan_not_found: [404, 'No such plan'],
  product_not_found: [404, 'No such product'],
  idempotency_key_reused: [422, 'Idempotency key used before'],
  idempotency_in_progress: [409, 'Still in progress'],
  webhook_signature_invalid: [400, 'Signature invalid'],
  subscription_not_started: [409, 'Not started yet'],
  subscription_ended: [409, 'Ended'],
  subscription_past_due: [409, 'Past due'],
  subscription_paused: [409, 'Paused'],
  subscription_trialing: [409, 'On trial'],
  subscription_ending: [409, 'About to end'],
  same_plan: [409, 'Same plan'],
  currency_mismatch: [409, 'Another currency'],
  already_canceling: [409, 'Already about to end'],
  already_paused: [409, 'Already paused'],
  nothing_to_resume: [409, 'Nothing to resume'],
  nothing_to_collect: [409, 'Nothing to collect'],
  renewal_under_way: [409, 'Renewal under way'],
  attempt_under_way: [409, 'Charge under way'],
  awaits_operator: [409, 'Waiting for an operator'],
  authentication_required: [402, 'Customer must authenticate'],
  nothing_to_refund: [409, 'Nothing to refund'],
  refund_exceeds_remaining: [409, 'More than is left'],
  payment_disputed: [409, 'Disputed'],
  refund_refused: [422, 'Refund refused'],
  not_awaiting_approval: [409, 'Not awaiting approval'],
  own_request: [403, 'Own request'],
  payment_method_not_found: [404, 'No such payment method'],
  last_payment_method: [409, 'Still needed'],
  // 409, because credits may come: an answer that is kept under an idempotency key would outlive them.
  insufficient_credits: [409, 'Not enough credits'],
  wallet_locked: [409, 'Wallet locked'],
  usage_id_reused: [422, 'Usage consumed before'],
  grant_id_reused: [422, 'Grant made before'],
  adjustment_id_reused: [422, 'Adjustment made before'],
  test_clock_not_found: [404, 'No such test clock'],
  test_clock_fixed: [409, 'Test clock cannot change'],
  test_clock_advancing: [409, 'Test clock is advancing'],
  test_clock_backwards: [409, 'Test clock moves forward only'],
  live_mode_has_no_clocks: [409, 'Test mode only'],
  card_declined: [402, 'Card declined'],
  provider_refused: [422, 'Refused by the payment provider'],
  provider_object_missing: [502, 'Unknown to the payment provider'],
  provider_credentials_invalid: [502, 'Payment provider refused our key'],
  provider_failed: [502, 'Payment provider failed'],
  effect_key_conflict: [503, 'Not finished yet'],
  provider_rate_limited: [503, 'Payment provider is busy'],
  provider_unavailable: [503, 'Payment provider is unreachable'],
  orchestrator_unavailable: [503, 'Workflow service is unreachable'],
  database_unavailable: [503, 'Database is unreachable'],
  outcome_pending: [503, 'Not finished yet'],
  internal: [500, 'Internal error'],
} satisfies Record<ErrorCode, readonly [ContentfulStatusCode, string]>

export const PROBLEM_TYPE = 'application/problem+json'

/** Told where the error itself names no other time. */
const DEFAULT_RETRY_AFTER_SECONDS = 2

/** Answers any error, and logs what is a defect of ours. */
export function problemResponse(error: unknown, c: Context<BaseEnv>): Response {
  const problem = toBillingError(error)
  const [status, title] = problems[problem.code]
  if (problem.code === 'internal') c.var.log.error({ error: describeError(error) }, 'request failed')
  else if (status >= 500)
    c.var.log.warn({ code: problem.code, error: describeError(error) }, 'request refused')

  if (status === 401) c.header('WWW-Authenticate', challengeFor(problem.code))
  // The rest of the body is not read, so nothing else can be read from this connection.
  if (status === 413) c.header('Connection', 'close')
  if (problem.retryable && status !== 500)
    c.header('Retry-After', String(problem.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS))
  return c.body(
    JSON.stringify({
      ...problem.facts,
      type: `/docs/errors#${problem.code}`,
      title,
      status,
      detail: problem.detail,
      code: problem.code,
      request_id: c.var.requestId,
      ...(problem.fields.length > 0 && { errors: problem.fields }),
    }),
    status,
    { 'Content-Type': PROBLEM_TYPE },
  )
}

function challengeFor(code: ErrorCode): string {
  return code === 'key_missing'
    ? 'Bearer realm="quittance"'
    : 'Bearer realm="quittance", error="invalid_token"'
}

/** What the framework's own validators refuse, in our words. */
const codesOfStatus: Partial<Record<number, ErrorCode>> = {
  400: 'malformed_body',
  413: 'body_too_large',
  415: 'unsupported_media_type',
}

function toBillingError(error: unknown): BillingError {
  if (error instanceof BillingError) return error
  if (error instanceof HTTPException)
    return new BillingError(codesOfStatus[error.status] ?? 'internal', { cause: error })
  if (isDatabaseUnavailable(error)) return new BillingError('database_unavailable', { cause: error })
  return new BillingError('internal', { cause: error })
}

/** For the log: what kind of error and where, without the values of a query or the words of a provider. */
export function describeError(error: unknown): { kind: string; message?: string; stack?: string[] } {
  if (!(error instanceof Error)) return { kind: typeof error }
  const databaseError = describeDatabaseError(error)
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? []
  return {
    kind: error.name,
    // An error of the database, or one wrapped around it, quotes the values that a query was given.
    message: databaseError ?? (isDatabaseUnavailable(error) ? 'database unreachable' : error.message),
    stack: frames.slice(0, 12).map((line) => line.trim()),
  }
}
