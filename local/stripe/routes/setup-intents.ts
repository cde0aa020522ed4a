import type { Account } from '../account.ts'
import { invalidRequest, noSuch, StripeError } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  goneSince,
  hash,
  ignored,
  list,
  metadata,
  oneOf,
  required,
  text,
  unsupported,
  url,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { newSetupIntent, type SetupIntent } from '../objects/setup-intent.ts'
import { changedMetadata } from '../objects/shared.ts'
import { present } from '../present.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import { attemptSetup } from '../processes/setting-up.ts'
import { given } from './find.ts'
import { createPaymentMethod, paymentMethodData } from './payment-methods.ts'

const methodShape = { payment_method: text(), payment_method_data: hash(paymentMethodData) }

const createShape = {
  ...methodShape,
  allowed_payment_method_types: list(text()),
  attach_to_self: unsupported(),
  automatic_payment_methods: hash({
    enabled: required(boolean()),
    allow_redirects: oneOf('always', 'never'),
  }),
  confirm: boolean(),
  confirmation_token: unsupported(),
  customer: text(),
  customer_account: unsupported(),
  description: text(1000),
  excluded_payment_method_types: ignored(),
  flow_directions: unsupported(),
  mandate_data: ignored(),
  metadata: metadata(),
  on_behalf_of: unsupported(),
  payment_method_configuration: ignored(),
  payment_method_options: ignored(),
  payment_method_types: goneSince('2026-09-30.endive', list(text())),
  return_url: url(),
  single_use: unsupported(),
  usage: oneOf('off_session', 'on_session'),
  use_stripe_sdk: ignored(),
}

function methodOf(account: Account, params: Parsed<typeof methodShape>) {
  if (params.payment_method_data)
    return createPaymentMethod(account, params.payment_method_data, 'payment_method_data[card]')
  return params.payment_method === undefined
    ? undefined
    : findPaymentMethod(account, params.payment_method, 'payment_method')
}

function create(account: Account, params: Parsed<typeof createShape>): SetupIntent {
  const customer =
    params.customer === undefined
      ? undefined
      : given(account.customers, params.customer, 'customer', 'customer')
  const method = methodOf(account, params)
  const automatic: { enabled: boolean; allow_redirects?: 'always' | 'never' | undefined } =
    params.automatic_payment_methods ?? { enabled: params.payment_method_types === undefined }
  const intent = account.setupIntents.insert(
    newSetupIntent({
      now: account.now(customer),
      allowedPaymentMethodTypes: params.allowed_payment_method_types,
      customer: customer?.id,
      paymentMethod: method?.id,
      description: params.description,
      metadata: changedMetadata({}, params.metadata),
      usage: params.usage,
      automaticPaymentMethods: automatic.enabled
        ? { allow_redirects: automatic.allow_redirects ?? 'always', enabled: true }
        : null,
    }),
  )
  account.emit('setup_intent.created', intent)
  return params.confirm ? confirm(account, intent, params.return_url) : intent
}

function confirm(account: Account, intent: SetupIntent, returnUrl: string | undefined): SetupIntent {
  if (!intent.payment_method)
    throw invalidRequest(
      "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.",
      { code: 'setup_intent_unexpected_state', setup_intent: present(account, intent) },
    )
  const method = account.paymentMethods.must(intent.payment_method)
  const outcome = attemptSetup(account, intent, { method, returnUrl: returnUrl ?? null })
  if (outcome.kind === 'declined') throw outcome.error
  return intent
}

function requireUnsettled(account: Account, intent: SetupIntent, verb: string): void {
  if (intent.status !== 'succeeded' && intent.status !== 'canceled') return
  throw invalidRequest(`You cannot ${verb} this SetupIntent because it has a status of ${intent.status}.`, {
    code: 'setup_intent_unexpected_state',
    setup_intent: present(account, intent),
  })
}

const intentNamed = (account: Account, id: string): SetupIntent => {
  const intent = account.setupIntents.get(id)
  if (intent) return intent
  const { status, body } = noSuch('setupintent', id)
  throw new StripeError(status, { ...body, param: 'intent' })
}

export const setupIntentRoutes = [
  route('POST', '/v1/setup_intents', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/setup_intents',
    { ...pagingByTime, attach_to_self: unsupported(), customer: text(), payment_method: text() },
    ({ account, params }) => {
      const found =
        params.customer === undefined
          ? account.setupIntents.all()
          : account.setupIntents.where('customer', params.customer)
      return pageOf(
        found.filter(
          (intent) =>
            within(intent.created, params.created) &&
            (params.payment_method === undefined || intent.payment_method === params.payment_method),
        ),
        params,
        '/v1/setup_intents',
      )
    },
  ),
  route('GET', '/v1/setup_intents/:intent', { client_secret: text() }, ({ account, path }) =>
    intentNamed(account, path('intent')),
  ),
  route(
    'POST',
    '/v1/setup_intents/:intent',
    { ...methodShape, customer: text(), description: text(1000), metadata: metadata() },
    ({ account, params, path }) => {
      const intent = intentNamed(account, path('intent'))
      const method = methodOf(account, params)
      account.setupIntents.change(intent, {
        ...(params.customer !== undefined && {
          customer: given(account.customers, params.customer, 'customer', 'customer').id,
        }),
        ...(params.description !== undefined && { description: params.description }),
        ...(method && { payment_method: method.id, status: 'requires_confirmation' as const }),
        metadata: changedMetadata(intent.metadata, params.metadata),
      })
      return intent
    },
  ),
  route(
    'POST',
    '/v1/setup_intents/:intent/confirm',
    {
      ...methodShape,
      client_secret: text(),
      confirmation_token: unsupported(),
      mandate_data: ignored(),
      payment_method_options: ignored(),
      return_url: url(),
      use_stripe_sdk: ignored(),
    },
    ({ account, params, path }) => {
      const intent = intentNamed(account, path('intent'))
      requireUnsettled(account, intent, 'confirm')
      const method = methodOf(account, params)
      if (method) account.setupIntents.change(intent, { payment_method: method.id })
      return confirm(account, intent, params.return_url)
    },
  ),
  route(
    'POST',
    '/v1/setup_intents/:intent/cancel',
    { cancellation_reason: oneOf('abandoned', 'duplicate', 'requested_by_customer') },
    ({ account, params, path }) => {
      const intent = intentNamed(account, path('intent'))
      requireUnsettled(account, intent, 'cancel')
      account.setupIntents.change(intent, {
        status: 'canceled',
        cancellation_reason: params.cancellation_reason ?? null,
        next_action: null,
      })
      account.emit('setup_intent.canceled', intent)
      return intent
    },
  ),
]
