import type { Account } from '../account.ts'
import { invalidRequest, type StripeError } from '../http/errors.ts'
import type { CheckoutSession } from '../objects/checkout-session.ts'
import { newCustomer, type Customer } from '../objects/customer.ts'
import { newPaymentIntent, type PaymentIntent } from '../objects/payment-intent.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import { newSetupIntent, type SetupIntent } from '../objects/setup-intent.ts'
import { addressOf } from '../objects/shared.ts'
import { testCard } from '../objects/test-cards.ts'
import { cancelPaymentIntent } from './charging.ts'
import { invoicePaidSession } from './checkout-invoice.ts'
import { intentOf } from './invoicing.ts'
import { attemptAndSettle, failAuthenticationAndSettle } from './paying-invoices.ts'
import { attachPaymentMethod } from './payment-methods.ts'
import { attemptSetup, failSetupAuthentication } from './setting-up.ts'
import { createSubscription, expireIncompleteSubscription } from './subscribing.ts'

export const expireSessionJob = 'expire_checkout_session'

const day = 24 * 60 * 60

/** What came of the customer's click on the button. */
export type SubmitOutcome =
  | { kind: 'complete' }
  | { kind: 'requires_action'; intent: string }
  | { kind: 'declined'; error: StripeError }

export interface Payer {
  email: string | null
  name: string | null
}

/** Whether the page asks for a card at all: not when nothing is due now and none was asked for. */
export const needsCard = (session: CheckoutSession): boolean =>
  session.amount_total !== 0 || session.payment_method_collection === 'always'

/** The customer submits the page. A declined card leaves the session open, and what was created for the next try.
 *  @param method the card they typed; none when the session needs none */
export function submitCheckout(
  account: Account,
  session: CheckoutSession,
  method: PaymentMethod | undefined,
  payer: Payer,
): SubmitOutcome {
  requireOpen(session)
  account.checkoutSessions.change(session, { hidden: { ...session.hidden, payer } })
  if (!method) return takeForFree(account, session)
  switch (session.mode) {
    case 'payment':
      return pay(account, session, method)
    case 'subscription':
      return startSubscription(account, session, method)
    case 'setup':
      return setUp(account, session, method)
  }
}

/** The customer comes back from their bank's 3-D Secure page. */
export function finishAuthentication(
  account: Account,
  session: CheckoutSession,
  passed: boolean,
): SubmitOutcome {
  requireOpen(session)
  const intent = waitingIntentOf(account, session)
  if (!intent) throw invalidRequest('This Checkout Session does not wait for an authentication.')
  const method = account.paymentMethods.must(intent.payment_method ?? '')
  if (intent.object === 'setup_intent') {
    const outcome = passed
      ? attemptSetup(account, intent, { method, authenticated: true })
      : failSetupAuthentication(account, intent)
    return afterSetup(account, session, intent, method, outcome)
  }
  const outcome = passed
    ? attemptAndSettle(account, intent, { method, authenticated: true })
    : failAuthenticationAndSettle(account, intent)
  return afterPayment(account, session, intent, outcome)
}

/** The payment or setup intent of a session that waits for the customer's 3-D Secure. */
export function waitingIntentOf(
  account: Account,
  session: CheckoutSession,
): PaymentIntent | SetupIntent | undefined {
  const { subscription, setupIntent } = session.hidden
  const invoice = account.invoices.get(account.subscriptions.get(subscription ?? '')?.latest_invoice ?? '')
  return [
    account.paymentIntents.get(session.payment_intent ?? ''),
    invoice && intentOf(account, invoice),
    account.setupIntents.get(session.setup_intent ?? setupIntent ?? ''),
  ].find((intent) => intent?.status === 'requires_action')
}

function requireOpen(session: CheckoutSession): void {
  if (session.status === 'complete') throw invalidRequest('You’ve already completed your payment.')
  if (session.status === 'expired') throw invalidRequest('This Checkout Session has expired.')
}

function takeForFree(account: Account, session: CheckoutSession): SubmitOutcome {
  const customer = customerOf(account, session, session.customer_creation === 'always')
  if (session.mode === 'subscription' && customer) subscribeFromSession(account, session, customer)
  return complete(account, session, 'no_payment_required')
}

function pay(account: Account, session: CheckoutSession, method: PaymentMethod): SubmitOutcome {
  const wanted = session.hidden.plans.paymentIntent
  const wantsCustomer =
    session.customer_creation === 'always' ||
    wanted.setupFutureUsage !== undefined ||
    session.hidden.plans.invoice !== null
  const customer = customerOf(account, session, wantsCustomer)
  let intent = account.paymentIntents.get(session.payment_intent ?? '')
  if (!intent) {
    intent = account.paymentIntents.insert(
      newPaymentIntent({
        now: account.now(customer),
        amount: session.amount_total ?? 0,
        currency: session.currency ?? 'usd',
        customer: customer?.id,
        captureMethod: wanted.captureMethod ?? 'automatic_async',
        description: wanted.description,
        metadata: wanted.metadata,
        receiptEmail: wanted.receiptEmail,
        setupFutureUsage: wanted.setupFutureUsage,
        shipping: wanted.shipping,
        statementDescriptor: wanted.statementDescriptor,
        statementDescriptorSuffix: wanted.statementDescriptorSuffix,
        transferGroup: wanted.transferGroup,
        amountDetails: {
          shipping: { amount: 0, from_postal_code: null, to_postal_code: null },
          tax: { total_tax_amount: 0 },
          tip: {},
        },
        orderReference: session.id,
      }),
    )
    account.checkoutSessions.change(session, { payment_intent: intent.id })
    account.emit('payment_intent.created', intent)
  }
  return afterPayment(account, session, intent, attemptAndSettle(account, intent, { method }))
}

function startSubscription(account: Account, session: CheckoutSession, method: PaymentMethod): SubmitOutcome {
  const customer = customerOf(account, session, true)
  if (!customer) throw new Error('A subscription always has a customer')
  if (session.amount_total === 0) return setUp(account, session, method)
  // Stripe attaches the card before it charges; one that will be declined leaves no trace with the customer.
  if (!testCard(method.hidden.number).decline) attachPaymentMethod(account, method, customer)
  const id = session.hidden.subscription ?? subscribeFromSession(account, session, customer)
  const invoice = account.invoices.must(account.subscriptions.must(id).latest_invoice ?? '')
  const intent = intentOf(account, invoice)
  if (!intent) return complete(account, session, 'paid')
  return afterPayment(account, session, intent, attemptAndSettle(account, intent, { method }))
}

/** Creates what the session's lines describe. The session itself shows the subscription only once it is complete. */
function subscribeFromSession(
  account: Account,
  session: CheckoutSession,
  customer: Customer,
  method?: PaymentMethod,
): string {
  const { lines, subscription: wanted } = session.hidden.plans
  const priced = lines.map((line) => ({ ...line, price: account.prices.must(line.price) }))
  const { subscription } = createSubscription(
    account,
    {
      customer,
      items: priced
        .filter(({ price }) => price.recurring)
        .map(({ price, quantity }) => ({ price, quantity, metadata: {} })),
      oneTimeItems: priced.filter(({ price }) => !price.recurring),
      // The days of a trial begin when the customer subscribes, not when the session was created.
      trialEnd:
        wanted.trialEnd ?? (wanted.trialPeriodDays && account.now(customer) + wanted.trialPeriodDays * day),
      defaultPaymentMethod: method,
      description: wanted.description,
      metadata: wanted.metadata,
      missingPaymentMethodAtTrialEnd: wanted.missingPaymentMethodAtTrialEnd,
      paymentMethodTypes: ['card'],
      orderReference: session.id,
    },
    (id) => account.checkoutSessions.change(session, { hidden: { ...session.hidden, subscription: id } }),
  )
  return subscription.id
}

function setUp(account: Account, session: CheckoutSession, method: PaymentMethod): SubmitOutcome {
  const intent = setupIntentOf(account, session)
  return afterSetup(account, session, intent, method, attemptSetup(account, intent, { method }))
}

function afterPayment(
  account: Account,
  session: CheckoutSession,
  intent: PaymentIntent,
  outcome: ReturnType<typeof attemptAndSettle>,
): SubmitOutcome {
  switch (outcome.kind) {
    case 'requires_action':
      return { kind: 'requires_action', intent: intent.id }
    case 'declined':
      return outcome
    case 'authorized':
      return complete(account, session, 'unpaid')
    case 'succeeded':
      return complete(account, session, 'paid', invoicePaidSession(account, session, intent))
  }
}

function afterSetup(
  account: Account,
  session: CheckoutSession,
  intent: SetupIntent,
  method: PaymentMethod,
  outcome: ReturnType<typeof attemptSetup>,
): SubmitOutcome {
  if (outcome.kind === 'requires_action') return { kind: 'requires_action', intent: intent.id }
  if (outcome.kind === 'declined') return outcome
  if (session.mode === 'subscription')
    subscribeFromSession(account, session, account.customers.must(intent.customer ?? ''), method)
  return complete(account, session, 'no_payment_required')
}

/** The setup intent by which a session saves a card without charging it. */
function setupIntentOf(account: Account, session: CheckoutSession): SetupIntent {
  const known = account.setupIntents.get(session.setup_intent ?? session.hidden.setupIntent ?? '')
  if (known) return known
  const { setupIntent: wanted } = session.hidden.plans
  const intent = account.setupIntents.insert(
    newSetupIntent({
      now: account.nowOf(session.customer ?? session.hidden.customer),
      customer: session.customer ?? session.hidden.customer,
      description: wanted.description,
      metadata: wanted.metadata,
    }),
  )
  account.checkoutSessions.change(session, { hidden: { ...session.hidden, setupIntent: intent.id } })
  account.emit('setup_intent.created', intent)
  return intent
}

/** The session's customer. A new one is made of what the payer typed, once, however many cards they try. */
function customerOf(account: Account, session: CheckoutSession, wanted: boolean): Customer | undefined {
  const id = session.customer ?? session.hidden.customer
  if (id) return account.customers.must(id)
  if (!wanted) return undefined
  const { payer } = session.hidden
  const customer = account.customers.insert(
    newCustomer({ now: account.now(), email: session.customer_email ?? payer?.email, name: payer?.name }),
  )
  account.checkoutSessions.change(session, { hidden: { ...session.hidden, customer: customer.id } })
  account.emit('customer.created', customer)
  return customer
}

function complete(
  account: Account,
  session: CheckoutSession,
  paymentStatus: CheckoutSession['payment_status'],
  invoice?: Invoice,
): SubmitOutcome {
  const { payer, subscription, setupIntent, customer } = session.hidden
  account.agenda.cancel(expireSessionJob, session.id)
  account.checkoutSessions.change(session, {
    status: 'complete',
    payment_status: paymentStatus,
    url: null,
    customer: session.customer ?? customer,
    customer_details: {
      address: addressOf({ country: 'US' }),
      business_name: null,
      email: session.customer_details?.email ?? payer?.email ?? null,
      individual_name: null,
      name: payer?.name ?? null,
      phone: null,
      tax_exempt: 'none',
      tax_ids: [],
    },
    subscription,
    setup_intent: session.setup_intent ?? setupIntent,
    invoice: invoice?.id ?? account.subscriptions.get(subscription ?? '')?.latest_invoice ?? null,
  })
  account.emit('checkout.session.completed', session)
  return { kind: 'complete' }
}

/** Ends a session that nobody completed, with whatever a failed try left behind. */
export function expireCheckout(account: Account, session: CheckoutSession): void {
  account.agenda.cancel(expireSessionJob, session.id)
  account.checkoutSessions.change(session, { status: 'expired', url: null })
  const intent = account.paymentIntents.get(session.payment_intent ?? '')
  if (intent) cancelPaymentIntent(account, intent, 'automatic')
  if (session.hidden.subscription) expireIncompleteSubscription(account, session.hidden.subscription)
  account.emit('checkout.session.expired', session)
}
