import type { Client } from '@temporalio/client'
import type { PaymentOwner } from '../db/owners.ts'
import type { ProviderEvent } from '../domain/provider.ts'
import { stripeChanged } from '../workflows/messages.ts'
import { checkoutStart } from './starts.ts'

/** Has a checkout look at Stripe. One that does not run, or no more, is started for it. */
export function createWakeCheckout({
  temporal,
  within,
}: {
  temporal: Client
  within: <Result>(call: () => Promise<Result>) => Promise<Result>
}) {
  return async function wakeCheckout(
    { eventId, objectId }: Pick<ProviderEvent, 'eventId' | 'objectId'>,
    payment: PaymentOwner,
  ): Promise<void> {
    await within(() =>
      temporal.workflow.signalWithStart('checkout', {
        ...checkoutStart(payment),
        signal: stripeChanged,
        signalArgs: [{ eventId, objectId }],
      }),
    )
  }
}
