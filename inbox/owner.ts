import { isId, type PaymentId, type ProjectId, type RefundId, type SubscriptionId } from '../domain/ids.ts'
import { metadataKeys, type ProviderEvent } from '../domain/provider.ts'

/** Whom an event is about, as far as the event itself tells. A claim, not a proof: whoever acts on it first finds the row. */
export interface OwnerClaim {
  /** Our ids in the metadata of the object, or of the subscription that an invoice is for. */
  projectId: ProjectId | undefined
  paymentId: PaymentId | undefined
  subscriptionId: SubscriptionId | undefined
  refundId: RefundId | undefined
  /** Stripe's subscription that the event is about, where it is about one. */
  stripeSubscriptionId: string | undefined
  /** Stripe's customer that the event is about. */
  stripeCustomerId: string | undefined
  /** Stripe's ids in the event, the most telling first: refunds, disputes and what is made in Stripe's dashboard carry no
   *  metadata of ours and are known by these. */
  stripeIds: string[]
}

export function ownerClaim({ payload, objectId }: ProviderEvent): OwnerClaim {
  const { object } = payload.data
  const subscriptionDetails = fieldOf(object.parent, 'subscription_details')
  const stripeSubscriptionId =
    object.object === 'subscription' ? objectId : stripeId(fieldOf(subscriptionDetails, 'subscription'))
  const metadata = [object.metadata, fieldOf(subscriptionDetails, 'metadata')].find(
    (candidate) => typeof fieldOf(candidate, metadataKeys.project) === 'string',
  )
  return {
    projectId: idIn(metadata, metadataKeys.project, 'prj'),
    paymentId: idIn(metadata, metadataKeys.payment, 'pay'),
    subscriptionId: idIn(metadata, metadataKeys.subscription, 'sbs'),
    refundId: idIn(metadata, metadataKeys.refund, 'rfd'),
    stripeSubscriptionId: stripeSubscriptionId || undefined,
    stripeCustomerId: (object.object === 'customer' ? objectId : stripeId(object.customer)) || undefined,
    stripeIds: [
      objectId,
      stripeId(object.payment_intent),
      stripeId(object.charge),
      stripeId(object.subscription),
      stripeSubscriptionId,
      stripeId(object.invoice),
      stripeId(object.customer),
    ].filter((id) => id !== ''),
  }
}

/** Those by which a charge is known. A customer may be known long before: that tells whose the money is, and not which. */
export const chargeIds = ({ stripeIds, stripeCustomerId }: OwnerClaim): string[] =>
  stripeIds.filter((id) => id !== stripeCustomerId)

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function idIn<P extends 'prj' | 'pay' | 'sbs' | 'rfd'>(metadata: unknown, key: string, prefix: P) {
  const value = fieldOf(metadata, key)
  return typeof value === 'string' && isId(prefix, value) ? value : undefined
}

/** Stripe writes a reference as an id, or as the whole object where it was expanded. */
function stripeId(reference: unknown): string {
  const id = typeof reference === 'object' ? fieldOf(reference, 'id') : reference
  return typeof id === 'string' ? id : ''
}
