import type { HandledEvent } from '../db/inbox.ts'
import { deriveId } from '../db/mint-id.ts'
import { findOwner } from '../db/stripe-objects.ts'
import { isId } from '../domain/ids.ts'
import type { ProviderEvent } from '../domain/provider.ts'
import { stripeChanged } from '../workflows/messages.ts'
import { giveTime } from './not-known-yet.ts'
import { chargeIds, type OwnerClaim } from './owner.ts'
import { createFindPayer } from './payer.ts'
import { disputeStart } from './starts.ts'
import type { TellerOptions } from './tell-refund.ts'

/** Tells the workflow of a dispute, which the first event begins. Its id follows from Stripe's. */
export function createDisputeTeller({ system, temporal, within }: TellerOptions) {
  const findPayer = createFindPayer(system)

  return async function tellDispute(event: ProviderEvent, claim: OwnerClaim): Promise<HandledEvent> {
    const { livemode, objectId: stripeDisputeId, eventId } = event
    // Not by the dispute itself: whose charge it is must be known.
    const stripeIds = chargeIds(claim).filter((id) => id !== stripeDisputeId)
    const known = await findOwner(system, { stripeIds, livemode })
    if (!known) await giveTime(system, event)
    if (!known || (!isId('pay', known.ownerId) && !isId('sbs', known.ownerId))) return { outcome: 'not_ours' }
    const { projectId, ownerId } = known
    const payer = await findPayer(projectId, ownerId)
    if (payer?.livemode !== livemode) return { outcome: 'not_ours' }
    const { userId, correlationId, clockId } = payer
    const disputeId = deriveId('dsp', projectId, stripeDisputeId)
    const start = disputeStart({
      projectId,
      disputeId,
      stripeDisputeId,
      ownerId,
      userId,
      correlationId,
      clockId,
    })
    await within(() =>
      temporal.workflow.signalWithStart('dispute', {
        ...start,
        signal: stripeChanged,
        signalArgs: [{ eventId, objectId: stripeDisputeId }],
      }),
    )
    return { outcome: 'signaled', workflowId: start.workflowId, projectId }
  }
}
