import type { Account } from '../account.ts'
import { invalidRequest, noSuch, StripeError } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  integer,
  metadata,
  oneOf,
  required,
  text,
  unsupported,
  ignored,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import { newPaymentIntent, type PaymentIntent, type PaymentIntentStatus } from '../objects/payment-intent.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import { changedMetadata, formatAmount } from '../objects/shared.ts'
import { present } from '../present.ts'
import { cancelPaymentIntent, capturePayment } from '../processes/charging.ts'
import { smallestCharge } from '../processes/invoicing.ts'
import { attemptAndSettle } from '../processes/paying-invoices.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import { deliveryOf } from './customers.ts'
import { given } from './find.ts'
import {
  confirmShape,
  createShape,
  updateShape,
  type Confirmation,
  type MethodGiven,
} from './payment-intent-parameters.ts'
import { createPaymentMethod } from './payment-methods.ts'

function checkAmount(amount: number, inCurrency: string): void {
  if (amount <= 0)
    throw invalidRequest(
      'The amount must be greater than or equal to the minimum charge amount allowed for your account and the currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). If you want to save a Payment Method for future use without an immediate payment, use a Setup Intent instead: https://docs.stripe.com/payments/save-and-reuse',
      { code: 'parameter_invalid_integer', param: 'amount' },
    )
  if (amount < smallestCharge)
    throw invalidRequest(
      `Amount must be at least ${formatAmount(smallestCharge, inCurrency)} ${inCurrency}`,
      {
        code: 'amount_too_small',
        param: 'amount',
      },
    )
  if (amount > 99_999_999)
    throw invalidRequest(
      `Amount must be no more than ${formatAmount(99_999_999, inCurrency)} ${inCurrency}`,
      { code: 'amount_too_large', param: 'amount' },
    )
}

function methodOf(account: Account, params: MethodGiven): PaymentMethod | undefined {
  if (params.payment_method_data)
    return createPaymentMethod(account, params.payment_method_data, 'payment_method_data[card]')
  return params.payment_method
    ? findPaymentMethod(account, params.payment_method, 'payment_method')
    : undefined
}

/** A card that belongs to one customer cannot pay for another. */
function checkOwner(method: PaymentMethod | undefined, customer: string | null | undefined): void {
  if (!method?.customer || method.customer === customer) return
  throw invalidRequest(
    customer
      ? `The provided PaymentMethod cannot be attached. To reuse a PaymentMethod, you must attach it to a Customer first.`
      : `The payment method you provided (${method.id}) belongs to a customer. Please include the Customer in the \`customer\` parameter on the PaymentIntent.`,
    { param: 'payment_method' },
  )
}

function create(account: Account, params: Parsed<typeof createShape>): PaymentIntent {
  checkAmount(params.amount, params.currency)
  const customer =
    params.customer === undefined
      ? undefined
      : given(account.customers, params.customer, 'customer', 'customer')
  const method = methodOf(account, params)
  checkOwner(method, customer?.id)
  const restricted = params.payment_method_types !== undefined
  const automatic: { enabled: boolean; allow_redirects?: 'always' | 'never' | undefined } =
    params.automatic_payment_methods ?? { enabled: !restricted }
  const intent = account.paymentIntents.insert(
    newPaymentIntent({
      now: account.now(customer),
      allowedPaymentMethodTypes: params.allowed_payment_method_types,
      amount: params.amount,
      currency: params.currency,
      customer: customer?.id,
      paymentMethod: method?.id,
      captureMethod: params.capture_method ?? 'automatic_async',
      confirmationMethod: params.confirmation_method,
      description: params.description,
      metadata: changedMetadata({}, params.metadata),
      receiptEmail: params.receipt_email,
      setupFutureUsage: params.setup_future_usage,
      shipping: deliveryOf(params.shipping),
      statementDescriptor: params.statement_descriptor,
      statementDescriptorSuffix: params.statement_descriptor_suffix,
      transferGroup: params.transfer_group,
      automaticPaymentMethods: automatic.enabled
        ? { allow_redirects: automatic.allow_redirects ?? 'always', enabled: true }
        : null,
    }),
  )
  account.emit('payment_intent.created', intent)
  return params.confirm ? confirm(account, intent, params) : intent
}

function confirm(account: Account, intent: PaymentIntent, params: Confirmation): PaymentIntent {
  if (!intent.payment_method)
    throw invalidRequest(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: 'payment_intent_unexpected_state', payment_intent: present(account, intent) },
    )
  const method = account.paymentMethods.must(intent.payment_method)
  const redirects = intent.automatic_payment_methods?.allow_redirects === 'always'
  if (redirects && params.return_url === undefined && !params.off_session)
    throw invalidRequest(
      "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.",
    )
  const outcome = attemptAndSettle(account, intent, {
    method,
    offSession: params.off_session !== undefined && params.off_session !== false,
    returnUrl: params.return_url ?? null,
  })
  if (outcome.kind === 'declined') throw outcome.error
  if (outcome.kind === 'requires_action' && params.error_on_requires_action)
    throw new StripeError(402, {
      type: 'card_error',
      code: 'authentication_required',
      decline_code: 'authentication_not_handled',
      message:
        'This payment required an authentication action to complete, but `error_on_requires_action` was set.',
      payment_intent: present(account, intent),
    })
  return intent
}

/** @throws StripeError when the intent is in none of these states */
function requireStatus(
  account: Account,
  intent: PaymentIntent,
  verb: string,
  ...allowed: PaymentIntentStatus[]
): void {
  if (allowed.includes(intent.status)) return
  throw invalidRequest(
    `You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be ${verb}ed: ${allowed.join(', ')}.`,
    { code: 'payment_intent_unexpected_state', payment_intent: present(account, intent) },
  )
}

function update(account: Account, intent: PaymentIntent, params: Parsed<typeof updateShape>): PaymentIntent {
  if (params.amount !== undefined || params.payment_method !== undefined)
    requireStatus(
      account,
      intent,
      'update',
      'requires_payment_method',
      'requires_confirmation',
      'requires_action',
    )
  if (params.amount !== undefined) checkAmount(params.amount, params.currency ?? intent.currency)
  const method = methodOf(account, params)
  checkOwner(method, params.customer ?? intent.customer)
  account.paymentIntents.change(intent, {
    ...(params.amount !== undefined && { amount: params.amount }),
    ...(params.currency !== undefined && { currency: params.currency }),
    ...(params.capture_method !== undefined && { capture_method: params.capture_method }),
    ...(params.customer !== undefined && {
      customer: given(account.customers, params.customer, 'customer', 'customer').id,
    }),
    ...(params.description !== undefined && { description: params.description }),
    ...(params.payment_method === null && {
      payment_method: null,
      status: 'requires_payment_method' as const,
    }),
    ...(method && { payment_method: method.id, status: 'requires_confirmation' as const }),
    ...(params.receipt_email !== undefined && { receipt_email: params.receipt_email }),
    ...(params.setup_future_usage !== undefined && { setup_future_usage: params.setup_future_usage }),
    ...(params.shipping !== undefined && { shipping: deliveryOf(params.shipping) }),
    ...(params.statement_descriptor !== undefined && { statement_descriptor: params.statement_descriptor }),
    ...(params.transfer_group !== undefined && { transfer_group: params.transfer_group }),
    metadata: changedMetadata(intent.metadata, params.metadata),
  })
  return intent
}

const intentNamed = (account: Account, id: string): PaymentIntent => {
  const intent = account.paymentIntents.get(id)
  if (intent) return intent
  const { status, body } = noSuch('payment_intent', id)
  throw new StripeError(status, { ...body, param: 'intent' })
}

export const paymentIntentRoutes = [
  route('POST', '/v1/payment_intents', createShape, ({ account, params }) => create(account, params)),
  route('GET', '/v1/payment_intents', { ...pagingByTime, customer: text() }, ({ account, params }) => {
    const found =
      params.customer === undefined
        ? account.paymentIntents.all()
        : account.paymentIntents.where('customer', params.customer)
    return pageOf(
      found.filter(({ created }) => within(created, params.created)),
      params,
      '/v1/payment_intents',
    )
  }),
  route(
    'GET',
    '/v1/payment_intents/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.paymentIntents.all(), params, '/v1/payment_intents/search'),
  ),
  route('GET', '/v1/payment_intents/:intent', { client_secret: text() }, ({ account, path }) =>
    intentNamed(account, path('intent')),
  ),
  route('POST', '/v1/payment_intents/:intent', updateShape, ({ account, params, path }) =>
    update(account, intentNamed(account, path('intent')), params),
  ),
  route('POST', '/v1/payment_intents/:intent/confirm', confirmShape, ({ account, params, path }) => {
    const intent = intentNamed(account, path('intent'))
    requireStatus(
      account,
      intent,
      'confirm',
      'requires_payment_method',
      'requires_confirmation',
      'requires_action',
    )
    const method = methodOf(account, params)
    checkOwner(method, intent.customer)
    account.paymentIntents.change(intent, {
      ...(method && { payment_method: method.id }),
      ...(params.capture_method !== undefined && { capture_method: params.capture_method }),
      ...(params.receipt_email !== undefined && { receipt_email: params.receipt_email }),
      ...(params.setup_future_usage !== undefined && { setup_future_usage: params.setup_future_usage }),
      ...(params.shipping !== undefined && { shipping: deliveryOf(params.shipping) }),
    })
    return confirm(account, intent, params)
  }),
  route(
    'POST',
    '/v1/payment_intents/:intent/capture',
    {
      amount_details: ignored(),
      amount_to_capture: integer(1),
      application_fee_amount: unsupported(),
      final_capture: boolean(),
      hooks: unsupported(),
      metadata: metadata(),
      payment_details: ignored(),
      statement_descriptor: text(22),
      statement_descriptor_suffix: text(22),
      transfer_data: unsupported(),
    },
    ({ account, params, path }) => {
      const intent = intentNamed(account, path('intent'))
      requireStatus(account, intent, 'capture', 'requires_capture')
      const amount = params.amount_to_capture ?? intent.amount_capturable
      if (amount > intent.amount_capturable)
        throw invalidRequest('The amount to capture is greater than the amount that was authorized.', {
          code: 'amount_too_large',
          param: 'amount_to_capture',
        })
      account.paymentIntents.change(intent, { metadata: changedMetadata(intent.metadata, params.metadata) })
      capturePayment(account, intent, amount)
      return intent
    },
  ),
  route(
    'POST',
    '/v1/payment_intents/:intent/cancel',
    { cancellation_reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer', 'abandoned') },
    ({ account, params, path }) => {
      const intent = intentNamed(account, path('intent'))
      requireStatus(
        account,
        intent,
        'cancel',
        'requires_payment_method',
        'requires_capture',
        'requires_confirmation',
        'requires_action',
        'processing',
      )
      if (account.checkoutSessions.where('payment_intent', intent.id).some(({ status }) => status === 'open'))
        throw invalidRequest(
          'You cannot cancel this PaymentIntent because it was created by a Checkout Session. To cancel it, expire the Checkout Session instead.',
          { code: 'payment_intent_unexpected_state' },
        )
      cancelPaymentIntent(account, intent, params.cancellation_reason ?? null)
      return intent
    },
  ),
]
