import type { Database } from '../db/client.ts'
import { findClockOf, findPaymentOwner, findSubscriptionOwner } from '../db/owners.ts'
import { type ClockId, isId, type PaymentId, type ProjectId, type SubscriptionId } from '../domain/ids.ts'

export interface PayerOfCharge {
  userId: string
  livemode: boolean
  correlationId: string
  clockId: ClockId | null
}

/** Who paid for a payment or a subscription. */
export function createFindPayer(system: Database) {
  return async function findPayer(
    projectId: ProjectId,
    ownerId: PaymentId | SubscriptionId,
  ): Promise<PayerOfCharge | undefined> {
    if (isId('sbs', ownerId)) return findSubscriptionOwner(system, { projectId, subscriptionId: ownerId })
    const payment = await findPaymentOwner(system, { projectId, paymentId: ownerId })
    return payment && { ...payment, clockId: await findClockOf(system, payment) }
  }
}
