import type { Plan, PlanInterval, Product, Purchase } from './catalog.ts'
import type { ChargeAttempt, CheckoutSnapshot } from './checkout.ts'
import type { DisputeSnapshot } from './disputes.ts'
import type { ClockId, CustomerId, PaymentId, ProjectId, RefundId, SubscriptionId } from './ids.ts'
import type { Money } from './money.ts'
import type { ChargeSnapshot, PaidInvoice, RefundSnapshot } from './refunds.ts'
import type { InvoiceSnapshot, SubscriptionSnapshot } from './subscription.ts'

/** The port to whoever moves the money. An adapter throws `BillingError`s of the catalogue and nothing else.
 *
 *  Every call that has an effect takes an effect key, which the provider uses to do it once, and has a look-up beside it
 *  that finds the effect by our own id when the provider has forgotten the key. */
export interface PaymentProvider {
  createCustomer(request: CustomerRequest, effectKey: string): Promise<string>
  /** The provider's id of our customer, if an earlier call has made it. */
  findCustomer(customerId: CustomerId): Promise<string | undefined>
  /** Whether a customer is still there: somebody may have deleted it, which is for ever. */
  isCustomerThere(providerCustomerId: string): Promise<boolean>

  createPrice(request: PriceRequest, effectKey: string): Promise<ProviderPrice>
  findPrice(request: PriceRequest): Promise<ProviderPrice | undefined>

  openCheckout(request: CheckoutRequest, effectKey: string): Promise<OpenedCheckout>
  findCheckout(request: {
    paymentId: PaymentId
    providerCustomerId: string
  }): Promise<OpenedCheckout | undefined>

  readCheckout(sessionId: string): Promise<CheckoutSnapshot>
  readSubscription(providerSubscriptionId: string): Promise<SubscriptionSnapshot>
  /** With each try to charge it, as long as it is unpaid. */
  readInvoice(invoiceId: string): Promise<InvoiceSnapshot>
  /** The invoices of a subscription's later periods that were made since then, oldest first. */
  listInvoices(request: { providerSubscriptionId: string; since: number }): Promise<InvoiceSnapshot[]>
  /** What was collected for a subscription since then, newest invoice first. */
  listPaidInvoices(request: { providerSubscriptionId: string; since: number }): Promise<PaidInvoice[]>

  /** The provider's own retries of an invoice end: from here on we alone collect it. */
  takeOverInvoice(invoiceId: string): Promise<void>
  /** Charges an open invoice to one card, without the customer. A decline is an answer, not an error. */
  payInvoice(
    request: { invoiceId: string; paymentMethodId: string },
    effectKey: string,
  ): Promise<ChargeAnswer>
  /** @returns `paid` when somebody has paid it in the meantime. */
  voidInvoice(invoiceId: string): Promise<'void' | 'paid'>
  /** Cards that may be charged, in the order in which they are tried: the subscription's own, the customer's default, the
   *  others as they were added. */
  listPaymentMethods(request: {
    providerCustomerId: string
    providerSubscriptionId?: string
  }): Promise<PaymentMethod[]>

  /** Charges a saved card without the customer, for something that no page sold. A decline is an answer, not an error. */
  chargeCard(request: CardChargeRequest, effectKey: string): Promise<CardCharge>
  /** What became of such a charge, if it was ever begun. */
  findCardCharge(request: {
    paymentId: PaymentId
    providerCustomerId: string
  }): Promise<CardCharge | undefined>

  /** From now on renewals of the subscription are charged to this card. */
  chargeRenewalsTo(request: { providerSubscriptionId: string; paymentMethodId: string }): Promise<void>
  /** From now on this card is charged for whatever has none of its own. */
  setDefaultPaymentMethod(request: { providerCustomerId: string; paymentMethodId: string }): Promise<void>
  /** Saves a card with the customer. @returns its id, which differs where a test card was asked for by name.
   *  @throws BillingError `payment_method_not_found` also for a card of somebody else. */
  attachPaymentMethod(
    request: { providerCustomerId: string; paymentMethodId: string },
    effectKey: string,
  ): Promise<string>
  /** Takes a card away from its customer, for good. */
  detachPaymentMethod(paymentMethodId: string, effectKey: string): Promise<void>

  /** A page on which the customer saves a card and pays nothing. */
  openSetupPage(request: SetupPageRequest, effectKey: string): Promise<OpenedCheckout>
  findSetupPage(request: { setupId: string; providerCustomerId: string }): Promise<OpenedCheckout | undefined>
  readSetupPage(sessionId: string): Promise<SetupPageSnapshot>

  /** What a change would cost now, and what it would change about the next invoice. Changes nothing. */
  previewChange(request: ChangeRequest): Promise<InvoicePreview>
  /** Changes the plan at once and charges the difference; declined, it leaves everything as it was.
   *  @returns `authenticate` when the charge needs the customer: then nothing has changed either. */
  changeNow(request: ChangeRequest, effectKey: string): Promise<'changed' | 'authenticate'>
  /** The same, but the change waits for the customer to authenticate the payment. */
  changeWhenPaid(
    request: ChangeRequest,
    effectKey: string,
  ): Promise<{ payUrl: string | undefined; lapsesAt: number }>
  /** Changes the plan when the period ends, in place of what was to change then or waits for its payment. */
  changeAtPeriodEnd(request: ChangeRequest, effectKey: string): Promise<void>
  /** Takes back what was to change at the period's end, or waits for its payment. After it nothing governs the subscription. */
  dropPendingChange(providerSubscriptionId: string): Promise<void>

  setCancelAtPeriodEnd(providerSubscriptionId: string, cancel: boolean): Promise<void>
  cancelNow(providerSubscriptionId: string): Promise<void>
  /** Invoices of a subscription that could still be paid. */
  listOpenInvoices(providerSubscriptionId: string): Promise<string[]>
  pause(request: PauseAtProvider, effectKey: string): Promise<void>
  resume(providerSubscriptionId: string, effectKey: string): Promise<ResumeAnswer>

  /** Money that was captured, by what it paid for or by its own id.
   *  @returns `undefined` where nothing was captured. */
  readCharge(
    request: { paymentIntentId: string } | { invoiceId: string } | { chargeId: string },
  ): Promise<ChargeSnapshot | undefined>
  /** Gives money back. What it refuses for good is `refund_refused`, or `payment_disputed`. */
  createRefund(request: RefundRequest, effectKey: string): Promise<RefundSnapshot>
  findRefund(request: { refundId: RefundId; chargeId: string }): Promise<RefundSnapshot | undefined>
  readRefund(stripeRefundId: string): Promise<RefundSnapshot>
  /** Has the invoice say that money went back by this refund. @returns the note's id. */
  createCreditNote(request: CreditNoteRequest, effectKey: string): Promise<string>
  findCreditNote(request: CreditNoteRequest): Promise<string | undefined>
  readDispute(stripeDisputeId: string): Promise<DisputeSnapshot>

  createTestClock(request: { clockId: ClockId; frozenTime: number }, effectKey: string): Promise<string>
  findTestClock(clockId: ClockId): Promise<string | undefined>
  /** Moves the clock and waits until the provider has done all that fell due. Moving it where it is does nothing. */
  advanceTestClock(request: { providerClockId: string; to: number; onProgress: () => void }): Promise<void>
}

export interface RefundRequest {
  projectId: ProjectId
  refundId: RefundId
  chargeId: string
  amount: number
}

export interface CreditNoteRequest {
  refundId: RefundId
  invoiceId: string
  stripeRefundId: string
  amount: number
}

/** What came of a charge without the customer. */
export type ChargeAnswer =
  | { outcome: 'succeeded' }
  | { outcome: 'declined' | 'needs_customer'; declineCode?: string; adviceCode?: string; chargeId?: string }

export interface CardChargeRequest {
  projectId: ProjectId
  paymentId: PaymentId
  providerCustomerId: string
  paymentMethodId: string
  amount: Money
  description: string
}

/** A charge of a saved card, and what came of it. */
export interface CardCharge {
  stripePaymentIntentId: string
  outcome: 'succeeded' | 'declined' | 'needs_customer'
  declineCode?: string
  attempts: ChargeAttempt[]
}

/** A saved card, as far as anyone may see it. */
export interface PaymentMethod {
  paymentMethodId: string
  brand: string
  last4: string
  expiryMonth: number
  expiryYear: number
  /** Milliseconds since 1970. */
  addedAt: number
  /** The card that renewals are charged to. */
  isDefault: boolean
}

export interface ChangeRequest {
  providerSubscriptionId: string
  providerPriceId: string
  /** How long a period at that price lasts. */
  interval: PlanInterval
  quantity: number
  /** To this second the unused and the remaining time are reckoned: it is fixed, so that a preview and the change after it,
   *  and the change that is asked for again, cost the same. Milliseconds since 1970. */
  at: number
}

export interface PauseAtProvider {
  providerSubscriptionId: string
  /** Whether the unused time becomes credit, which the invoice on resuming takes off. */
  creditsUnused: boolean
}

/** While what is due on resuming is not paid it stays paused: `authenticate` until the customer has paid it on that page. */
export type ResumeAnswer =
  | { outcome: 'resumed' | 'declined' }
  | { outcome: 'authenticate'; invoiceId: string; due: Money; payUrl?: string }

export interface InvoicePreview {
  /** Negative where the customer gets credit. */
  amountDue: Money
  lines: { description: string; amount: Money; periodStart: number; periodEnd: number }[]
}

export interface CustomerRequest {
  projectId: ProjectId
  customerId: CustomerId
  userId: string
  email: string | undefined
  /** Test mode only, and only now: a customer keeps the clock they were made on. */
  providerClockId: string | undefined
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

export interface SetupPageRequest {
  projectId: ProjectId
  customerId: CustomerId
  providerCustomerId: string
  /** Names the request for the page, so that the page is found again. */
  setupId: string
  successUrl: string
  cancelUrl: string
}

/** What came of a page on which a customer saves a card. Times in milliseconds since 1970. */
export interface SetupPageSnapshot {
  status: 'open' | 'complete' | 'expired'
  openedAt: number
  expiresAt: number
  /** Whose card it saves; `undefined` for a page that is none of ours. */
  customerId?: CustomerId
  /** The card, once it is saved. */
  paymentMethodId?: string
}

/** Our ids travel in the metadata of the provider's objects, so that each event leads back to its owner. */
export const metadataKeys = {
  project: 'quittance_project',
  payment: 'quittance_payment',
  /** Of a payment without a page: events of it wake no checkout. */
  topUp: 'quittance_top_up',
  subscription: 'quittance_subscription',
  customer: 'quittance_customer',
  clock: 'quittance_clock',
  setup: 'quittance_setup',
  refund: 'quittance_refund',
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
  payload: {
    data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> }
    /** The API call that caused it, where one did. */
    request?: unknown
  }
}

/** Verifies a webhook over its raw bytes.
 *  @throws BillingError `webhook_signature_invalid`. */
export type WebhookVerifier = (rawBody: string, signature: string) => ProviderEvent
