import type { Database } from '../db/client.ts'
import { metadataKeys, type ProviderEvent } from '../domain/provider.ts'
import type { OwnerToTell } from '../domain/reconciliation.ts'
import type { Dispatcher } from './dispatch.ts'
import { receiveEvent } from './receive.ts'

/** Tells the workflow that owns an object what a webhook should have told: as an event of our own, stored and dispatched like
 *  Stripe's. It needs to say no more than whom it is about, because whoever is woken reads Stripe. */
export function createTellOwner({
  system,
  dispatcher,
  livemode,
  apiVersion,
}: {
  system: Database
  dispatcher: Dispatcher
  livemode: boolean
  apiVersion: string
}) {
  return async function tellOwner(
    owner: OwnerToTell,
    { eventId, at }: { eventId: string; at: Date },
  ): Promise<void> {
    const { type, object, previous } = hintOf(owner)
    const event: ProviderEvent = {
      eventId,
      type,
      createdAt: at,
      apiVersion,
      account: '',
      livemode,
      objectId: owner.stripeId,
      payload: {
        data: {
          object: { id: owner.stripeId, ...object },
          ...(previous && { previous_attributes: previous }),
        },
      },
    }
    // One that is stored and could not be dispatched is the sweep's.
    if ((await receiveEvent(system, event)) === 'stored') await dispatcher.dispatch(event)
  }
}

interface Hint {
  type: string
  object: Record<string, unknown>
  previous?: Record<string, unknown>
}

function hintOf(owner: OwnerToTell): Hint {
  const metadata = {
    [metadataKeys.project]: owner.projectId,
    ...(owner.paymentId && { [metadataKeys.payment]: owner.paymentId }),
    ...(owner.subscriptionId && { [metadataKeys.subscription]: owner.subscriptionId }),
    ...(owner.refundId && { [metadataKeys.refund]: owner.refundId }),
  }
  switch (owner.about) {
    case 'payment':
      return {
        type: 'checkout.session.completed',
        object: { object: 'checkout.session', mode: 'payment', metadata },
      }
    case 'subscription':
      return {
        type: 'customer.subscription.updated',
        object: { object: 'subscription', metadata },
        // Whatever it was: the look tells what it is.
        previous: { status: 'unknown' },
      }
    case 'invoice':
      return {
        type: 'invoice.paid',
        object: {
          object: 'invoice',
          billing_reason: owner.billingReason,
          parent: { subscription_details: { subscription: owner.stripeSubscriptionId, metadata } },
        },
      }
    case 'refund':
      return {
        type: 'refund.updated',
        object: {
          object: 'refund',
          charge: owner.stripeChargeId,
          payment_intent: owner.stripePaymentIntentId,
          metadata,
        },
      }
    case 'dispute':
      return {
        type: 'charge.dispute.updated',
        object: {
          object: 'dispute',
          charge: owner.stripeChargeId,
          payment_intent: owner.stripePaymentIntentId,
        },
      }
  }
}
