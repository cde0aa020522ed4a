import {
  type Client,
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { BillingError, isErrorCode } from '../domain/errors.ts'
import { openSession, type OpenedSession } from '../workflows/messages.ts'
import { type CheckoutStart, checkoutStart } from './starts.ts'

/** Starts the checkout of a payment, or finds it running, and waits for its payment page.
 *  @throws BillingError: a final refusal of the provider, or one that may be retried with the payment's id in its facts:
 *  the payment's row is there, so repeating the request (or the sweep) takes it up again. */
export async function openCheckout(
  temporal: Client,
  payment: CheckoutStart,
  { deadline_ms }: { deadline_ms: number },
): Promise<OpenedSession> {
  try {
    return await temporal.withDeadline(Date.now() + deadline_ms, () =>
      temporal.workflow.executeUpdateWithStart(openSession, {
        // The same update for every caller: whoever repeats it gets the first one's answer.
        updateId: 'open-session',
        startWorkflowOperation: new WithStartWorkflowOperation('checkout', checkoutStart(payment)),
      }),
    )
  } catch (error) {
    throw translate(error, { payment_id: payment.paymentId })
  }
}

function translate(error: unknown, facts: Record<string, string>): unknown {
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
