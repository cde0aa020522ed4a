import type { BalanceTransaction } from './objects/balance-transaction.ts'
import type { Charge } from './objects/charge.ts'
import type { CheckoutSession } from './objects/checkout-session.ts'
import type { Coupon, Discount } from './objects/coupon.ts'
import type { CreditNote } from './objects/credit-note.ts'
import type { Customer } from './objects/customer.ts'
import type { CustomerBalanceTransaction } from './objects/customer-balance-transaction.ts'
import type { Dispute } from './objects/dispute.ts'
import type { EarlyFraudWarning } from './objects/early-fraud-warning.ts'
import { newEvent, type StoredEvent } from './objects/event.ts'
import { subscriptionOf, type Invoice } from './objects/invoice.ts'
import type { InvoiceItem } from './objects/invoice-item.ts'
import type { InvoicePayment } from './objects/invoice-payment.ts'
import type { PaymentIntent } from './objects/payment-intent.ts'
import type { PaymentMethod } from './objects/payment-method.ts'
import type { Payout } from './objects/payout.ts'
import { previousAttributes } from './objects/previous-attributes.ts'
import type { Price } from './objects/price.ts'
import type { Product } from './objects/product.ts'
import type { Refund } from './objects/refund.ts'
import { defaultSettings, type Settings } from './objects/settings.ts'
import type { SetupIntent } from './objects/setup-intent.ts'
import type { Subscription } from './objects/subscription.ts'
import type { SubscriptionItem } from './objects/subscription-item.ts'
import type { SubscriptionSchedule } from './objects/subscription-schedule.ts'
import type { TestClock } from './objects/test-clock.ts'
import type { WebhookEndpoint } from './objects/webhook-endpoint.ts'
import { present, type StripeObject } from './present.ts'
import { Agenda, type Appointment } from './store/agenda.ts'
import { Collection, type IndexedValue, type Stored } from './store/collection.ts'
import type { Journal } from './store/journal.ts'
import { Rehearsal } from './store/rehearsal.ts'
import type { Delivery } from './webhooks/delivery.ts'

/** The request that causes what happens now; nobody's for what happens by itself or on the hosted page. */
export interface Cause {
  id: string | null
  idempotency_key: string | null
}

export const nobody: Cause = { id: null, idempotency_key: null }

/** How often a call was made, and the answer kept for an idempotency key. */
export interface CallCount {
  id: string
  count: number
}
export interface KeptAnswer {
  id: string
  path: string
  /** A fingerprint of method, path and body: the same key with another request is a mistake of the caller. */
  request: string
  requestId: string
  status: number
  body: string
  created: number
}

/** One Stripe account: everything it holds, what time it is for whom, and what happens next. */
export class Account {
  /** Where the hosted page is reached; set when the server listens. */
  baseUrl = 'http://127.0.0.1'
  cause: Cause = nobody
  readonly agenda: Agenda
  readonly #journal: Journal
  readonly #rehearsal = new Rehearsal()
  #announce: (event: StoredEvent) => void = () => {}
  readonly #byPrefix: Record<string, { get(id: string): StripeObject | undefined }>

  readonly appointments: Collection<Appointment>
  readonly balanceTransactions: Collection<BalanceTransaction>
  readonly callCounts: Collection<CallCount>
  readonly charges: Collection<Charge>
  readonly checkoutSessions: Collection<CheckoutSession>
  readonly coupons: Collection<Coupon>
  readonly creditNotes: Collection<CreditNote>
  readonly customerBalanceTransactions: Collection<CustomerBalanceTransaction>
  readonly customers: Collection<Customer>
  /** Stripe remembers that they were there, and nothing else of them. */
  readonly deletedCustomers: Collection<Stored>
  readonly deliveries: Collection<Delivery>
  readonly discounts: Collection<Discount>
  readonly disputes: Collection<Dispute>
  readonly earlyFraudWarnings: Collection<EarlyFraudWarning>
  readonly events: Collection<StoredEvent>
  readonly invoiceItems: Collection<InvoiceItem>
  readonly invoicePayments: Collection<InvoicePayment>
  readonly invoices: Collection<Invoice>
  readonly keptAnswers: Collection<KeptAnswer>
  readonly paymentIntents: Collection<PaymentIntent>
  readonly paymentMethods: Collection<PaymentMethod>
  readonly payouts: Collection<Payout>
  readonly prices: Collection<Price>
  readonly products: Collection<Product>
  readonly refunds: Collection<Refund>
  readonly keptSettings: Collection<Settings & Stored>
  readonly setupIntents: Collection<SetupIntent>
  readonly subscriptionItems: Collection<SubscriptionItem>
  readonly subscriptions: Collection<Subscription>
  readonly subscriptionSchedules: Collection<SubscriptionSchedule>
  readonly testClocks: Collection<TestClock>
  readonly webhookEndpoints: Collection<WebhookEndpoint>

  constructor(journal: Journal) {
    this.#journal = journal
    this.appointments = this.#collection('appointment', { clock: (one) => one.clock ?? '' })
    this.balanceTransactions = this.#collection('balance_transaction', {
      payout: (one) => one.hidden.payout,
      source: (one) => one.source,
    })
    this.callCounts = this.#collection('call_count')
    this.charges = this.#collection('charge', {
      customer: (one) => one.customer,
      payment_intent: (charge) => charge.payment_intent,
    })
    this.checkoutSessions = this.#collection('checkout_session', {
      customer: (one) => one.customer,
      payment_intent: (session) => session.payment_intent,
      subscription: (session) => session.subscription ?? session.hidden.subscription,
      setup_intent: (session) => session.setup_intent ?? session.hidden.setupIntent,
    })
    this.coupons = this.#collection('coupon')
    this.creditNotes = this.#collection('credit_note', {
      customer: (note) => note.customer,
      invoice: (note) => note.invoice,
    })
    this.customerBalanceTransactions = this.#collection('customer_balance_transaction', {
      customer: (one) => one.customer,
    })
    this.customers = this.#collection('customer', {
      email: (one) => one.email,
      test_clock: (one) => one.test_clock,
    })
    this.deletedCustomers = this.#collection('deleted_customer')
    this.deliveries = this.#collection('delivery', { event: (delivery) => delivery.event })
    this.discounts = this.#collection('discount')
    this.disputes = this.#collection('dispute', { charge: (dispute) => dispute.charge })
    this.earlyFraudWarnings = this.#collection('early_fraud_warning', { charge: (one) => one.charge })
    this.events = this.#collection('event', { type: (event) => event.type })
    this.invoiceItems = this.#collection('invoice_item', {
      customer: (one) => one.customer,
      invoice: (item) => item.invoice,
    })
    this.invoicePayments = this.#collection('invoice_payment', {
      invoice: (payment) => payment.invoice,
      payment_intent: (payment) => payment.payment.payment_intent,
    })
    this.invoices = this.#collection('invoice', {
      customer: (one) => one.customer,
      subscription: subscriptionOf,
    })
    this.keptAnswers = this.#collection('kept_answer')
    this.paymentIntents = this.#collection('payment_intent', { customer: (one) => one.customer })
    this.paymentMethods = this.#collection('payment_method', { customer: (one) => one.customer })
    this.payouts = this.#collection('payout')
    this.prices = this.#collection('price', {
      product: (price) => price.product,
      lookup_key: (price) => price.lookup_key,
    })
    this.products = this.#collection('product')
    this.refunds = this.#collection('refund', {
      charge: (refund) => refund.charge,
      payment_intent: (refund) => refund.payment_intent,
    })
    this.keptSettings = this.#collection('settings')
    this.setupIntents = this.#collection('setup_intent', { customer: (one) => one.customer })
    this.subscriptionItems = this.#collection('subscription_item', {
      subscription: (item) => item.subscription,
    })
    this.subscriptions = this.#collection('subscription', {
      customer: (one) => one.customer,
      test_clock: (one) => one.test_clock,
    })
    this.subscriptionSchedules = this.#collection('subscription_schedule', {
      customer: (one) => one.customer,
    })
    this.testClocks = this.#collection('test_clock')
    this.webhookEndpoints = this.#collection('webhook_endpoint')
    this.agenda = new Agenda(this.appointments)
    this.#byPrefix = {
      cbtxn: this.customerBalanceTransactions,
      ch: this.charges,
      clock: this.testClocks,
      cn: this.creditNotes,
      cs_test: this.checkoutSessions,
      cus: this.customers,
      di: this.discounts,
      du: this.disputes,
      ii: this.invoiceItems,
      in: this.invoices,
      inpay: this.invoicePayments,
      issfr: this.earlyFraudWarnings,
      pi: this.paymentIntents,
      pm: this.paymentMethods,
      po: this.payouts,
      price: this.prices,
      prod: this.products,
      re: this.refunds,
      seti: this.setupIntents,
      si: this.subscriptionItems,
      sub: this.subscriptions,
      sub_sched: this.subscriptionSchedules,
      txn: this.balanceTransactions,
    }
  }

  get settings(): Settings {
    const { id: _id, ...settings } = this.keptSettings.get('settings') ?? {
      id: 'settings',
      ...defaultSettings,
    }
    return settings
  }

  changeSettings(changes: Partial<Settings>): void {
    const kept =
      this.keptSettings.get('settings') ?? this.keptSettings.insert({ id: 'settings', ...defaultSettings })
    this.keptSettings.change(kept, changes)
  }

  /** The time for a customer and all that is theirs: that of their test clock, if they hang on one. */
  now(owner?: { test_clock: string | null }): number {
    const clock = owner?.test_clock ? this.testClocks.get(owner.test_clock) : undefined
    return clock?.frozen_time ?? Math.floor(Date.now() / 1000)
  }

  /** The time for the customer of this id. */
  nowOf(customer: string | null): number {
    return this.now(customer ? this.customers.get(customer) : undefined)
  }

  /** The test clock that an object hangs on, by itself or by what it belongs to. */
  clockOf(object: StripeObject): TestClock | undefined {
    const owned = object as Partial<
      Record<'test_clock' | 'charge' | 'customer' | 'invoice' | 'subscription', string | null>
    >
    const owner =
      this.customers.get(owned.customer ?? this.charges.get(owned.charge ?? '')?.customer ?? '') ??
      this.invoices.get(owned.invoice ?? '') ??
      this.subscriptions.get(owned.subscription ?? '')
    return this.testClocks.get(owned.test_clock ?? owner?.test_clock ?? '')
  }

  /** The object of an id, known by the letters before its last underscore. */
  find(id: string): StripeObject | undefined {
    return this.#byPrefix[id.slice(0, id.lastIndexOf('_'))]?.get(id)
  }

  /** Records that something happened to an object, as it is at this moment. `previous` has the values
   *  that an update has changed. */
  emit(type: string, object: StripeObject, previous?: object): void {
    if (this.#rehearsal.running) return
    const shown = present(this, object)
    const event = newEvent({
      type,
      created: this.clockOf(object)?.frozen_time ?? this.now(),
      recorded: this.now(),
      about: object.id,
      data: JSON.stringify({
        object: shown,
        ...(previous && { previous_attributes: previousAttributes(previous, shown) }),
      }),
      request: this.cause,
    })
    this.events.insert(event)
    this.#forgetOldEvents()
    this.#announce(event)
  }

  /** Does something for its outcome alone, as a preview wants it: nothing of it stays, and nobody is told.
   *  Stored objects are as before when it ends, so what is returned must be copied from them. */
  rehearse<T>(work: () => T): T {
    return this.#rehearsal.run(work)
  }

  onEvent(announce: (event: StoredEvent) => void): void {
    this.#announce = announce
  }

  /** Stripe lists events of the last 30 days; their number is bounded here as well. */
  #forgetOldEvents(): void {
    const oldest = this.events.all()[0]
    if (!oldest) return
    if (this.events.size > maxEvents || oldest.recorded < Date.now() / 1000 - eventSeconds)
      this.events.remove(oldest)
  }

  #collection<T extends Stored>(name: string, indexes: Record<string, IndexedValue<T>> = {}): Collection<T> {
    const collection = new Collection<T>(name, this.#journal.changed, this.#rehearsal, indexes)
    // The journal handles every kind of object alike and never looks into one.
    this.#journal.register(collection as unknown as Collection<Stored>)
    return collection
  }
}

const maxEvents = 100_000
const eventSeconds = 30 * 24 * 60 * 60
