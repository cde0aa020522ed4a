import type { Account } from '../account.ts'
import { badParameter, invalidRequest, missingParameter } from '../http/errors.ts'
import { pageOf, paging, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  currency,
  email,
  goneSince,
  hash,
  ignored,
  integer,
  list,
  metadata,
  oneOf,
  required,
  text,
  timestamp,
  unsupported,
  url,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import {
  newCheckoutSession,
  newSessionLine,
  type CheckoutSession,
  type CustomerDetails,
  type SessionLine,
} from '../objects/checkout-session.ts'
import { amountOf, type Price } from '../objects/price.ts'
import { newSetupIntent } from '../objects/setup-intent.ts'
import { changedMetadata } from '../objects/shared.ts'
import { sessionLines } from '../present.ts'
import { expireCheckout, expireSessionJob } from '../processes/checkout.ts'
import { shipping } from './customers.ts'
import { given, named } from './find.ts'
import { priceData, priceFromData } from './prices.ts'

const lineItems = list(
  hash({
    adjustable_quantity: hash({ enabled: boolean(), minimum: integer(0), maximum: integer(0) }),
    dynamic_tax_rates: unsupported(),
    metadata: metadata(),
    price: text(),
    price_data: priceData,
    quantity: integer(0, 1_000_000),
    tax_rates: unsupported(),
  }),
  100,
)

const paymentIntentData = hash({
  application_fee_amount: unsupported(),
  capture_method: oneOf('automatic', 'automatic_async', 'manual'),
  description: text(1000),
  metadata: metadata(),
  on_behalf_of: unsupported(),
  receipt_email: email(),
  setup_future_usage: oneOf('off_session', 'on_session'),
  shipping,
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
  transfer_data: unsupported(),
  transfer_group: text(),
})

const subscriptionData = hash({
  application_fee_percent: unsupported(),
  billing_cycle_anchor: unsupported(),
  billing_cycle_anchor_config: unsupported(),
  billing_mode: hash({
    type: required(oneOf('classic', 'flexible')),
    flexible: hash({ proration_discounts: oneOf('included', 'itemized') }),
  }),
  default_tax_rates: unsupported(),
  description: text(500),
  invoice_settings: ignored(),
  metadata: metadata(),
  on_behalf_of: unsupported(),
  pending_invoice_item_interval: unsupported(),
  proration_behavior: oneOf('create_prorations', 'none'),
  transfer_data: unsupported(),
  trial_end: timestamp(),
  trial_period_days: integer(1, 730),
  trial_settings: hash({
    end_behavior: required(
      hash({
        billing_cycle_anchor: ignored(),
        missing_payment_method: oneOf('cancel', 'create_invoice', 'pause'),
      }),
    ),
  }),
})

const createShape = {
  adaptive_pricing: ignored(),
  after_expiration: unsupported(),
  allow_promotion_codes: boolean(),
  allowed_payment_method_types: list(text()),
  automatic_tax: hash({ enabled: required(oneOf('false')), liability: ignored() }),
  billing_address_collection: oneOf('auto', 'required'),
  branding_settings: ignored(),
  cancel_url: url(),
  client_reference_id: text(200),
  consent_collection: unsupported(),
  currency: currency(),
  custom_fields: unsupported(),
  custom_text: ignored(),
  customer: text(),
  customer_account: unsupported(),
  customer_creation: oneOf('always', 'if_required'),
  customer_email: email(),
  customer_update: ignored(),
  discounts: unsupported(),
  excluded_payment_method_types: ignored(),
  expires_at: timestamp(),
  integration_identifier: ignored(),
  invoice_creation: hash({ enabled: required(oneOf('false')), invoice_data: ignored() }),
  line_items: lineItems,
  locale: text(),
  managed_payments: ignored(),
  metadata: metadata(),
  mode: oneOf('payment', 'setup', 'subscription'),
  name_collection: ignored(),
  optional_items: unsupported(),
  origin_context: ignored(),
  payment_intent_data: paymentIntentData,
  payment_method_collection: oneOf('always', 'if_required'),
  payment_method_configuration: ignored(),
  payment_method_data: ignored(),
  payment_method_options: ignored(),
  payment_method_types: goneSince('2026-09-30.endive', list(text())),
  permissions: unsupported(),
  phone_number_collection: ignored(),
  redirect_on_completion: unsupported(),
  return_url: unsupported(),
  saved_payment_method_options: ignored(),
  setup_intent_data: hash({ description: text(1000), metadata: metadata(), on_behalf_of: unsupported() }),
  shipping_address_collection: unsupported(),
  shipping_options: unsupported(),
  submit_type: oneOf('auto', 'book', 'donate', 'pay', 'subscribe'),
  subscription_data: subscriptionData,
  success_url: url(),
  tax_id_collection: unsupported(),
  ui_mode: oneOf('hosted', 'hosted_page'),
  wallet_options: ignored(),
}

type CreateParameters = Parsed<typeof createShape>

function create(account: Account, params: CreateParameters): CheckoutSession {
  if (params.mode === undefined) throw missingParameter('mode')
  if (params.success_url === undefined) throw missingParameter('success_url')
  const { mode } = params
  const customer =
    params.customer === undefined
      ? undefined
      : given(account.customers, params.customer, 'customer', 'customer')
  if (customer && params.customer_email !== undefined)
    throw badParameter('You may only specify one of these parameters: customer, customer_email.', {
      param: 'customer',
    })
  const now = account.now()
  checkModeParameters(params)
  checkExpiry(params.expires_at, now)
  const lines = mode === 'setup' ? [] : linesOf(account, params)
  const sessionCurrency = currencyOf(account, lines, params)
  const wanted = params.subscription_data
  const trial = wanted?.trial_end !== undefined || wanted?.trial_period_days !== undefined
  const dueNow = lines.filter((line) => !trial || !account.prices.must(line.price).recurring)
  const total = dueNow.reduce((sum, { amount }) => sum + amount, 0)
  const setupIntent =
    mode === 'setup'
      ? account.setupIntents.insert(
          newSetupIntent({
            now,
            customer: customer?.id,
            description: params.setup_intent_data?.description,
            metadata: changedMetadata({}, params.setup_intent_data?.metadata),
          }),
        )
      : undefined
  const session = account.checkoutSessions.insert(
    newCheckoutSession({
      now,
      mode,
      baseUrl: account.baseUrl,
      amountSubtotal: mode === 'setup' ? null : total,
      amountTotal: mode === 'setup' ? null : total,
      currency: sessionCurrency,
      plans: {
        lines,
        paymentIntent: {
          captureMethod: params.payment_intent_data?.capture_method,
          description: params.payment_intent_data?.description,
          metadata: changedMetadata({}, params.payment_intent_data?.metadata),
          receiptEmail: params.payment_intent_data?.receipt_email,
          setupFutureUsage: params.payment_intent_data?.setup_future_usage,
          statementDescriptor: params.payment_intent_data?.statement_descriptor,
          statementDescriptorSuffix: params.payment_intent_data?.statement_descriptor_suffix,
          transferGroup: params.payment_intent_data?.transfer_group,
        },
        subscription: {
          description: wanted?.description,
          metadata: changedMetadata({}, wanted?.metadata),
          trialEnd: wanted?.trial_end,
          trialPeriodDays: wanted?.trial_period_days,
          missingPaymentMethodAtTrialEnd: wanted?.trial_settings?.end_behavior.missing_payment_method,
        },
        setupIntent: {
          description: params.setup_intent_data?.description,
          metadata: changedMetadata({}, params.setup_intent_data?.metadata),
        },
      },
      allowedPaymentMethodTypes: params.allowed_payment_method_types,
      allowPromotionCodes: params.allow_promotion_codes,
      billingAddressCollection: params.billing_address_collection,
      cancelUrl: params.cancel_url,
      clientReferenceId: params.client_reference_id,
      customer: customer?.id,
      customerCreation: params.customer_creation,
      customerDetails: detailsOf(mode, customer?.email ?? params.customer_email, customer?.tax_exempt),
      customerEmail: params.customer_email,
      expiresAt: params.expires_at,
      locale: params.locale,
      metadata: changedMetadata({}, params.metadata),
      paymentMethodCollection: params.payment_method_collection,
      setupIntent: setupIntent?.id ?? null,
      submitType: params.submit_type,
      successUrl: params.success_url,
    }),
  )
  if (setupIntent) account.emit('setup_intent.created', setupIntent)
  account.agenda.plan(expireSessionJob, session.id, session.expires_at)
  return session
}

const dayInSeconds = 24 * 60 * 60
const halfHourInSeconds = 30 * 60

function checkExpiry(expiresAt: number | undefined, now: number): void {
  if (expiresAt === undefined) return
  // A client's clock may be a little behind ours; Stripe is as lenient.
  if (expiresAt < now + halfHourInSeconds - 60)
    throw invalidRequest(
      'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    )
  if (expiresAt > now + dayInSeconds + 60)
    throw invalidRequest(
      'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    )
}

/** Refuses what belongs to another mode, in Stripe's words. */
function checkModeParameters(params: CreateParameters): void {
  const { mode } = params
  const only = (parameter: keyof CreateParameters, modeOfIt: string): void => {
    if (params[parameter] !== undefined && mode !== modeOfIt)
      throw invalidRequest(`You can not pass \`${parameter}\` in \`${mode ?? ''}\` mode.`, {
        param: parameter,
      })
  }
  only('payment_intent_data', 'payment')
  only('invoice_creation', 'payment')
  only('subscription_data', 'subscription')
  only('setup_intent_data', 'setup')
  if (mode === 'setup' && params.line_items)
    throw invalidRequest('You can not pass `line_items` in `setup` mode.', { param: 'line_items' })
  if (mode === 'subscription' && params.customer_creation)
    throw invalidRequest('`customer_creation` can only be used in `payment` and `setup` mode.', {
      param: 'customer_creation',
    })
  const wanted = params.subscription_data
  if (wanted?.trial_end !== undefined && wanted.trial_period_days !== undefined)
    throw invalidRequest('You may only specify one of these parameters: trial_end, trial_period_days.', {
      param: 'subscription_data[trial_end]',
    })
}

function linesOf(account: Account, params: CreateParameters): SessionLine[] {
  const { mode, line_items: items } = params
  if (!items || items.length === 0) throw missingParameter('line_items')
  const priced = items.map((item, index) => {
    const param = `line_items[${index}]`
    if (item.price !== undefined && item.price_data)
      throw badParameter('You may only specify one of these parameters: price, price_data.', {
        param: `${param}[price]`,
      })
    if (item.quantity === undefined) throw missingParameter(`${param}[quantity]`)
    const { price_data: data, quantity } = item
    if (data)
      return {
        item,
        quantity,
        recurs: data.recurring !== undefined,
        price: () => priceFromData(account, data, `${param}[price_data]`),
      }
    if (item.price === undefined) throw missingParameter(`${param}[price]`)
    const price = given(account.prices, item.price, 'price', `${param}[price]`)
    if (!price.active)
      throw invalidRequest('The price specified is inactive. This field only accepts active prices.', {
        param: `${param}[price]`,
      })
    return { item, quantity, recurs: price.recurring !== null, price: () => price }
  })
  const recurring = priced.some(({ recurs }) => recurs)
  if (mode === 'payment' && recurring)
    throw invalidRequest(
      'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.',
      { param: 'mode' },
    )
  if (mode === 'subscription' && !recurring)
    throw invalidRequest(
      'You must provide at least one recurring price in `subscription` mode when using prices.',
      {
        param: 'mode',
      },
    )
  // Only now are described prices created: a refused session leaves nothing behind.
  return priced.map(({ item, quantity, price }) => {
    const found = price()
    return newSessionLine({
      price: found.id,
      quantity,
      description: account.products.must(found.product).name,
      amount: amountOf(found, quantity),
      metadata: changedMetadata({}, item.metadata),
    })
  })
}

function currencyOf(account: Account, lines: SessionLine[], params: CreateParameters): string | null {
  const currencies = new Set(lines.map(({ price }): Price['currency'] => account.prices.must(price).currency))
  const [first, second] = currencies
  if (second !== undefined)
    throw invalidRequest('All prices must have the same currency.', { param: 'line_items' })
  return first ?? params.currency ?? null
}

/** What is known of the payer before they have typed anything. */
function detailsOf(
  mode: string,
  knownEmail: string | null | undefined,
  taxExempt: string | undefined,
): CustomerDetails | null {
  if (knownEmail === undefined) return null
  return {
    address: null,
    business_name: null,
    email: knownEmail,
    individual_name: null,
    name: null,
    phone: null,
    tax_exempt: mode === 'setup' ? null : (taxExempt ?? 'none'),
    tax_ids: null,
  }
}

const sessionNamed = (account: Account, id: string): CheckoutSession =>
  named(account.checkoutSessions, id, 'checkout.session')

export const checkoutSessionRoutes = [
  route('POST', '/v1/checkout/sessions', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/checkout/sessions',
    {
      ...pagingByTime,
      customer: text(),
      customer_details: hash({ email: required(email()) }),
      payment_intent: text(),
      payment_link: unsupported(),
      status: oneOf('complete', 'expired', 'open'),
      subscription: text(),
    },
    ({ account, params }) => {
      const { checkoutSessions } = account
      const indexed = (['payment_intent', 'subscription', 'customer'] as const).find(
        (field) => params[field] !== undefined,
      )
      const candidates = indexed
        ? checkoutSessions.where(indexed, params[indexed] ?? '')
        : checkoutSessions.all()
      return pageOf(
        candidates.filter(
          (session) =>
            within(session.created, params.created) &&
            (params.status === undefined || session.status === params.status) &&
            (params.customer === undefined || session.customer === params.customer) &&
            (params.payment_intent === undefined || session.payment_intent === params.payment_intent) &&
            (params.subscription === undefined || session.subscription === params.subscription) &&
            (params.customer_details === undefined ||
              session.customer_details?.email === params.customer_details.email),
        ),
        params,
        '/v1/checkout/sessions',
      )
    },
  ),
  route('GET', '/v1/checkout/sessions/:session', {}, ({ account, path }) =>
    sessionNamed(account, path('session')),
  ),
  route(
    'POST',
    '/v1/checkout/sessions/:session',
    { metadata: metadata(), collected_information: unsupported(), shipping_options: unsupported() },
    ({ account, params, path }) => {
      const session = sessionNamed(account, path('session'))
      account.checkoutSessions.change(session, {
        metadata: changedMetadata(session.metadata, params.metadata),
      })
      return session
    },
  ),
  route('POST', '/v1/checkout/sessions/:session/expire', {}, ({ account, path }) => {
    const session = sessionNamed(account, path('session'))
    if (session.status !== 'open')
      throw invalidRequest(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      )
    expireCheckout(account, session)
    return session
  }),
  route('GET', '/v1/checkout/sessions/:session/line_items', paging, ({ account, params, path }) => {
    const { id } = sessionNamed(account, path('session'))
    const { data } = sessionLines(account, id)
    return pageOf(data.toReversed() as { id: string }[], params, `/v1/checkout/sessions/${id}/line_items`)
  }),
]
