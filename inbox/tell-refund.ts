import type { Client } from '@temporalio/client'
import type { Database } from '../db/client.ts'
import type { HandledEvent } from '../db/inbox.ts'
import { deriveId } from '../db/mint-id.ts'
import { findClockOf, findPaymentOwner } from '../db/owners.ts'
import { findRefundOwner } from '../db/refunds.ts'
import { findOwner } from '../db/stripe-objects.ts'
import { mayStillChange } from '../domain/checkout.ts'
import { isId, type PaymentId, type ProjectId, type SubscriptionId } from '../domain/ids.ts'
import type { ProviderEvent } from '../domain/provider.ts'
import type { RefundOpening } from '../domain/refunds.ts'
import { stripeChanged } from '../workflows/messages.ts'
import { giveTime } from './not-known-yet.ts'
import { chargeIds, type OwnerClaim } from './owner.ts'
import { createFindPayer } from './payer.ts'
import { refundStart, type RefundStart } from './starts.ts'
import { createWakeCheckout } from './wake-checkout.ts'

export interface TellerOptions {
  system: Database
  temporal: Client
  within: <Result>(call: () => Promise<Result>) => Promise<Result>
}

/** Tells the workflow of a refund. One that was made in Stripe's dashboard, or that a warning of fraud calls for, has none yet:
 *  the event begins it, under an id that follows from Stripe's, so that each further event finds the same. */
export function createRefundTeller({ system, temporal, within }: TellerOptions) {
  const findPayer = createFindPayer(system)
  const wakeCheckout = createWakeCheckout({ temporal, within })

  return async function tellRefund(event: ProviderEvent, claim: OwnerClaim): Promise<HandledEvent> {
    const start = await startOf(event, claim)
    if (!start) return { outcome: 'not_ours' }
    const { workflowId, ...options } = refundStart(start)
    await within(() =>
      temporal.workflow.signalWithStart('refund', {
        ...options,
        workflowId,
        signal: stripeChanged,
        signalArgs: [{ eventId: event.eventId, objectId: event.objectId }],
      }),
    )
    return { outcome: 'signaled', workflowId, projectId: start.projectId }
  }

  async function startOf(event: ProviderEvent, claim: OwnerClaim): Promise<RefundStart | undefined> {
    const { livemode, objectId } = event
    const known = await findOwner(system, { stripeIds: chargeIds(claim), livemode })
    const owned = known && isId('rfd', known.ownerId) ? known.ownerId : undefined
    const refundId = owned ?? claim.refundId
    const projectId = known?.projectId ?? claim.projectId
    if (projectId && refundId) {
      const refund = await findRefundOwner(system, { projectId, refundId })
      // Metadata alone proves nothing: the row must exist in that project, and in the event's mode.
      // One that was given up is not it any more: what Stripe has made after all is a refund of its own.
      const isIt = owned !== undefined || refund?.status !== 'failed'
      if (refund?.livemode === livemode && isIt)
        return { ...refund, clockId: await findClockOf(system, refund) }
    }
    if (!known) await giveTime(system, event)
    if (!known || (!isId('pay', known.ownerId) && !isId('sbs', known.ownerId))) return undefined
    const payer = await findPayer(known.projectId, known.ownerId)
    if (payer?.livemode !== livemode) return undefined
    await wakeUnrecorded(event, known.projectId, known.ownerId)
    return {
      projectId: known.projectId,
      refundId: deriveId('rfd', known.projectId, objectId),
      userId: payer.userId,
      correlationId: payer.correlationId,
      clockId: payer.clockId,
      opening: openingOf(event, known.ownerId),
    }
  }

  /** The refund is about money whose coming we have not recorded: news of that is late, or lost. */
  async function wakeUnrecorded(
    event: ProviderEvent,
    projectId: ProjectId,
    ownerId: PaymentId | SubscriptionId,
  ): Promise<void> {
    if (!isId('pay', ownerId)) return
    const payment = await findPaymentOwner(system, { projectId, paymentId: ownerId })
    if (payment?.stripeCheckoutSessionId && mayStillChange(payment.status)) await wakeCheckout(event, payment)
  }
}

function openingOf(
  { type, objectId, payload }: ProviderEvent,
  ownerId: PaymentId | SubscriptionId,
): RefundOpening {
  const { charge, fraud_type: fraudType } = payload.data.object
  return type.startsWith('radar.')
    ? {
        kind: 'fraud_warning',
        warningId: objectId,
        ownerId,
        chargeId: String(charge),
        fraudType: String(fraudType),
      }
    : { kind: 'dashboard', stripeRefundId: objectId, ownerId }
}
