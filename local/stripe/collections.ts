import type { BalanceTransaction } from './objects/balance-transaction.ts'
import type { Charge } from './objects/charge.ts'
import type { CheckoutSession } from './objects/checkout-session.ts'
import type { Coupon, Discount } from './objects/coupon.ts'
import type { CreditNote } from './objects/credit-note.ts'
import type { Customer } from './objects/customer.ts'
import type { CustomerBalanceTransaction } from './objects/customer-balance-transaction.ts'
import type { Dispute } from './objects/dispute.ts'
import type { EarlyFraudWarning } from './objects/early-fraud-warning.ts'
import type { StoredEvent } from './objects/event.ts'
import { subscriptionOf, type Invoice } from './objects/invoice.ts'
import type { InvoiceItem } from './objects/invoice-item.ts'
import type { InvoicePayment } from './objects/invoice-payment.ts'
import type { PaymentIntent } from './objects/payment-intent.ts'
import type { PaymentMethod } from './objects/payment-method.ts'
import type { Payout } from './objects/payout.ts'
import type { Price } from './objects/price.ts'
import type { Product } from './objects/product.ts'
import type { Refund } from './objects/refund.ts'
import type { Settings } from './objects/settings.ts'
import type { SetupIntent } from './objects/setup-intent.ts'
import type { Subscription } from './objects/subscription.ts'
import type { SubscriptionItem } from './objects/subscription-item.ts'
import type { SubscriptionSchedule } from './objects/subscription-schedule.ts'
import type { TaxRate } from './objects/tax-rate.ts'
import type { TestClock } from './objects/test-clock.ts'
import type { WebhookEndpoint } from './objects/webhook-endpoint.ts'
import type { StripeObject } from './present.ts'
import type { Appointment } from './store/agenda.ts'
import { Collection, type IndexedValue, type Stored } from './store/collection.ts'
import type { Journal } from './store/journal.ts'
import type { Rehearsal } from './store/rehearsal.ts'
import type { Delivery } from './webhooks/delivery.ts'

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

/** All that a Stripe account holds, by kind. */
export class Collections {
  readonly #journal: Journal
  readonly #rehearsal: Rehearsal
  readonly #byName = new Map<string, Collection<Stored>>()

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
  readonly taxRates: Collection<TaxRate>
  readonly testClocks: Collection<TestClock>
  readonly webhookEndpoints: Collection<WebhookEndpoint>

  constructor(journal: Journal, rehearsal: Rehearsal) {
    this.#journal = journal
    this.#rehearsal = rehearsal
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
    this.taxRates = this.#collection('tax_rate')
    this.testClocks = this.#collection('test_clock')
    this.webhookEndpoints = this.#collection('webhook_endpoint')
  }

  /** Where the object of an id is kept, known by the letters before its last underscore. */
  collectionOf(id: string): Collection<Stored> | undefined {
    return this.#byName.get(namesByPrefix.get(id.slice(0, id.lastIndexOf('_'))) ?? '')
  }

  /** The object of an id that tells what it is. */
  find(id: string): StripeObject | undefined {
    const object = this.collectionOf(id)?.get(id)
    return object && 'object' in object ? (object as StripeObject) : undefined
  }

  #collection<T extends Stored>(name: string, indexes: Record<string, IndexedValue<T>> = {}): Collection<T> {
    const collection = new Collection<T>(name, this.#journal.changed, this.#rehearsal, indexes)
    // Whoever handles every kind of object alike never looks into one.
    const ofAnything = collection as unknown as Collection<Stored>
    this.#byName.set(name, ofAnything)
    this.#journal.register(ofAnything)
    return collection
  }
}

/** What the ids of objects begin with. Coupons have none: their owner names them. */
const namesByPrefix = new Map([
  ['cbtxn', 'customer_balance_transaction'],
  ['ch', 'charge'],
  ['clock', 'test_clock'],
  ['cn', 'credit_note'],
  ['cs_test', 'checkout_session'],
  ['cus', 'customer'],
  ['di', 'discount'],
  ['du', 'dispute'],
  ['evt', 'event'],
  ['ii', 'invoice_item'],
  ['in', 'invoice'],
  ['inpay', 'invoice_payment'],
  ['issfr', 'early_fraud_warning'],
  ['pi', 'payment_intent'],
  ['pm', 'payment_method'],
  ['po', 'payout'],
  ['price', 'price'],
  ['prod', 'product'],
  ['re', 'refund'],
  ['seti', 'setup_intent'],
  ['si', 'subscription_item'],
  ['sub', 'subscription'],
  ['sub_sched', 'subscription_schedule'],
  ['txn', 'balance_transaction'],
  ['txr', 'tax_rate'],
])
