import type { Plan, Product, Purchase } from './catalog.ts'
import type { CheckoutSnapshot } from './checkout.ts'
import type { CustomerId, PaymentId, ProjectId, SubscriptionId } from './ids.ts'
import type { SubscriptionSnapshot } from './subscription.ts'

/** The port to whoever moves the money. An adapter throws `BillingError`s of the catalogue and nothing else.
 *
 *  Every call that has an effect takes an effect key, which the provider uses to do it once, and has a look-up beside it
 *  that finds the effect by our own id when the provider has forgotten the key. */
export interface PaymentProvider {
  createCustomer(request: CustomerRequest, effectKey: string): Promise<string>
  /** The provider's id of our customer, if an earlier call has made it. */
  findCustomer(customerId: CustomerId): Promise<string | undefined>

  createPrice(request: PriceRequest, effectKey: string): Promise<ProviderPrice>
  findPrice(request: PriceRequest): Promise<ProviderPrice | undefined>

  openCheckout(request: CheckoutRequest, effectKey: string): Promise<OpenedCheckout>
  findCheckout(request: {
    paymentId: PaymentId
    providerCustomerId: string
  }): Promise<OpenedCheckout | undefined>

  readCheckout(sessionId: string): Promise<CheckoutSnapshot>
  readSubscription(providerSubscriptionId: string): Promise<SubscriptionSnapshot>
}

export interface CustomerRequest {
  projectId: ProjectId
  customerId: CustomerId
  userId: string
  email: string | undefined
}

/** One version of a plan, or a product, as a price at the provider. */
export interface PriceRequest {
  projectId: ProjectId
  item: { kind: 'plan'; plan: Plan } | { kind: 'product'; product: Product }
}

export interface ProviderPrice {
  priceId: string
  productId: string
}

export interface CheckoutRequest {
  projectId: ProjectId
  paymentId: PaymentId
  /** Minted before the subscription exists, so that each of its events leads back to us. */
  subscriptionId: SubscriptionId | undefined
  providerCustomerId: string
  purchase: Purchase
  /** The catalog's price at the provider; absent for a bare amount. */
  providerPriceId: string | undefined
  successUrl: string
  cancelUrl: string
}

export interface OpenedCheckout {
  sessionId: string
  url: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** Our ids travel in the metadata of the provider's objects, so that each event leads back to its owner. */
export const metadataKeys = {
  project: 'quittance_project',
  payment: 'quittance_payment',
  subscription: 'quittance_subscription',
  customer: 'quittance_customer',
} as const

/** A webhook whose signature has been verified. */
export interface ProviderEvent {
  eventId: string
  type: string
  /** By the provider's clock, with a resolution of one second: it orders nothing. */
  createdAt: Date
  apiVersion: string | null
  /** The connected account it is about; empty for the installation's own. */
  account: string
  livemode: boolean
  objectId: string
  /** The whole event as parsed from the body. */
  payload: { data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> } }
}

/** Verifies a webhook over its raw bytes.
 *  @throws BillingError `webhook_signature_invalid`. */
export type WebhookVerifier = (rawBody: string, signature: string) => ProviderEvent
