import { type Client, WithStartWorkflowOperation } from '@temporalio/client'
import { openSession, type OpenedSession } from '../workflows/messages.ts'
import { type CheckoutStart, checkoutStart } from './starts.ts'
import { translateUpdateError } from './update-errors.ts'

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
    throw translateUpdateError(error, { payment_id: payment.paymentId })
  }
}
