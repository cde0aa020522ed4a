/** Every way a request or an activity can end badly, with the words a caller may see. HTTP and Temporal each map it once. */

export interface ErrorKind {
  /** Whether the same attempt may succeed later without anyone changing anything. */
  retryable: boolean
  /** A sentence for whoever called; it never holds a secret or personal data. */
  message: string
}

export const errorCatalog = {
  // The caller
  invalid_request: { retryable: false, message: 'The request has invalid fields.' },
  malformed_body: { retryable: false, message: 'The body is not valid JSON.' },
  body_too_large: { retryable: false, message: 'The body is larger than this endpoint takes.' },
  unsupported_media_type: { retryable: false, message: 'Send the body as application/json.' },
  route_not_found: { retryable: false, message: 'There is no such endpoint.' },
  method_not_allowed: { retryable: false, message: 'This endpoint does not take that method.' },
  key_missing: { retryable: false, message: 'Send a key as "Authorization: Bearer <key>".' },
  key_invalid: { retryable: false, message: 'This key is unknown, expired or revoked.' },
  key_mode_mismatch: {
    retryable: false,
    message:
      "A test key works only where Stripe's test mode is connected, a live key only where its live mode is.",
  },
  operator_required: { retryable: false, message: 'Only an operator may do this.' },
  operator_role_insufficient: { retryable: false, message: "This operator's role does not allow it." },
  project_required: { retryable: false, message: 'Name the project in X-Project-ID.' },
  project_mismatch: {
    retryable: false,
    message: 'This key belongs to another project than X-Project-ID names.',
  },
  project_not_found: { retryable: false, message: 'There is no such project.' },
  not_found: { retryable: false, message: 'There is no such object in this project.' },
  plan_not_found: { retryable: false, message: 'This project has no such plan.' },
  product_not_found: { retryable: false, message: 'This project has no such product.' },
  idempotency_key_reused: {
    retryable: false,
    message: 'This idempotency key was used with another request.',
  },
  idempotency_in_progress: {
    retryable: true,
    message: 'A request with this idempotency key is still in progress.',
  },
  webhook_signature_invalid: {
    retryable: false,
    message: 'The signature does not match the body and the time.',
  },

  // What a subscription cannot do as it stands
  subscription_not_started: { retryable: false, message: 'The subscription has not started yet.' },
  subscription_ended: { retryable: false, message: 'The subscription has ended.' },
  subscription_past_due: { retryable: false, message: 'An invoice of the subscription is unpaid.' },
  subscription_paused: { retryable: false, message: 'The subscription is paused.' },
  subscription_trialing: { retryable: false, message: 'The subscription is on trial.' },
  subscription_ending: { retryable: false, message: 'The subscription ends with its period.' },
  same_plan: { retryable: false, message: 'The subscription is on this plan already.' },
  currency_mismatch: { retryable: false, message: 'The plan is sold in another currency.' },
  already_canceling: { retryable: false, message: 'The subscription already ends with its period.' },
  already_paused: { retryable: false, message: 'The subscription is paused already.' },
  nothing_to_resume: { retryable: false, message: 'There is nothing to resume.' },
  nothing_to_collect: { retryable: false, message: 'There is nothing to collect.' },
  renewal_under_way: { retryable: false, message: 'The renewal of the subscription is under way.' },
  /** Stripe may still be charging: nothing that depends on the outcome can be done before it is known. */
  attempt_under_way: { retryable: true, message: 'A charge is under way. Repeat the request in a moment.' },
  /** Nothing is done before an operator has decided on what could not be done: a queue behind it would be done unexpectedly late. */
  awaits_operator: {
    retryable: true,
    message: 'An operator is looking into this subscription. Nothing was done: repeat the request later.',
  },
  authentication_required: {
    retryable: false,
    message: "The customer's bank wants to see the customer: send them to the link.",
  },

  // Money that goes back
  nothing_to_refund: { retryable: false, message: 'Nothing of it is left to refund.' },
  refund_exceeds_remaining: { retryable: false, message: 'That is more than is left to refund.' },
  payment_disputed: {
    retryable: false,
    message: "The customer's bank wants this money back: it cannot be refunded as well.",
  },
  refund_refused: { retryable: false, message: 'The payment provider refused the refund.' },
  not_awaiting_approval: { retryable: false, message: 'The refund does not wait for approval.' },
  own_request: {
    retryable: false,
    message: 'Nobody approves their own request: another operator must do it.',
  },

  // Cards
  payment_method_not_found: { retryable: false, message: 'This customer has no such payment method.' },
  last_payment_method: {
    retryable: false,
    message: 'It is the only payment method, and something is still to be charged to it.',
  },

  // Credits
  insufficient_credits: { retryable: false, message: 'The wallet does not hold that many credits.' },
  wallet_locked: { retryable: false, message: 'The wallet is locked: nothing is consumed from it.' },
  usage_id_reused: { retryable: false, message: 'This usage was consumed with another amount.' },
  grant_id_reused: { retryable: false, message: 'This grant was made with other contents.' },
  adjustment_id_reused: { retryable: false, message: 'This adjustment was made with another amount.' },

  // Test clocks
  test_clock_not_found: { retryable: false, message: 'This project has no such test clock.' },
  test_clock_fixed: {
    retryable: false,
    message: 'A customer joins a test clock with the first payment, and keeps it.',
  },
  test_clock_advancing: { retryable: false, message: 'The test clock is advancing. Wait until it is ready.' },
  test_clock_backwards: { retryable: false, message: 'A test clock moves forward only.' },
  live_mode_has_no_clocks: { retryable: false, message: 'Test clocks belong to test mode.' },

  // The provider's real answers
  card_declined: { retryable: false, message: 'The card was declined.' },
  provider_refused: { retryable: false, message: 'The payment provider refused the request.' },
  provider_object_missing: { retryable: false, message: 'The payment provider does not know this object.' },

  // Things that pass
  /** A wrong or rotated key is mended by an operator, and must not end what customers have begun. */
  provider_credentials_invalid: {
    retryable: true,
    message: "The payment provider refused this installation's key.",
  },
  /** It answered with a failure of its own, which it replays for the same effect key. */
  provider_failed: {
    retryable: true,
    message: 'The payment provider failed. Nothing is lost: repeat the request.',
  },
  /** The effect key was used with other parameters: an earlier version of this code asked differently. */
  effect_key_conflict: {
    retryable: true,
    message: 'An earlier attempt at the payment provider differs. Repeat the request.',
  },
  provider_rate_limited: { retryable: true, message: 'The payment provider asks us to slow down.' },
  provider_unavailable: {
    retryable: true,
    message: 'The payment provider could not be reached. Nothing is lost: repeat the request.',
  },
  orchestrator_unavailable: {
    retryable: true,
    message: 'The workflow service could not be reached. Nothing is lost: repeat the request.',
  },
  database_unavailable: {
    retryable: true,
    message: 'The database could not be reached. Repeat the request.',
  },
  outcome_pending: {
    retryable: true,
    message: 'The work goes on in the background. Repeat the request to take it up again.',
  },
  internal: { retryable: true, message: 'Something went wrong on our side.' },
} satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorCatalog

export interface FieldProblem {
  /** Where, as the caller wrote it: `plans.0.amount`. */
  path: string
  /** The rule and the way out. */
  message: string
}

export interface ErrorDetail {
  /** What precisely is wrong here, for the caller; the catalogue's sentence otherwise. */
  detail?: string
  fields?: FieldProblem[]
  /** Facts a caller's code may need: `payment_id`, `decline_code`. */
  facts?: Record<string, string | number>
  /** How long to wait before trying again. */
  retryAfterSeconds?: number
  cause?: unknown
}

/** The one error that carries a code of the catalogue. */
export class BillingError extends Error {
  readonly code: ErrorCode
  readonly detail: string
  readonly fields: FieldProblem[]
  readonly facts: Record<string, string | number>
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    { detail, fields = [], facts = {}, retryAfterSeconds, cause }: ErrorDetail = {},
  ) {
    super(detail ?? errorCatalog[code].message, { cause })
    this.name = 'BillingError'
    this.code = code
    this.detail = detail ?? errorCatalog[code].message
    this.fields = fields
    this.facts = facts
    this.retryAfterSeconds = retryAfterSeconds
  }

  get retryable(): boolean {
    return errorCatalog[this.code].retryable
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalog, text)
}
