import type { Account } from '../account.ts'
import { badParameter, invalidRequest, missingParameter } from '../http/errors.ts'
import { pageOf, paging, pagingByTime, within } from '../http/lists.ts'
import { email, hash, metadata, oneOf, required, text, unsupported } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import {
  newCheckoutSession,
  newSessionLine,
  type CheckoutSession,
  type CustomerDetails,
  type SessionLine,
  type SessionPlans,
} from '../objects/checkout-session.ts'
import { amountOf, type Price } from '../objects/price.ts'
import { newSetupIntent } from '../objects/setup-intent.ts'
import { changedMetadata } from '../objects/shared.ts'
import { sessionLines } from '../present.ts'
import { expireCheckout, expireSessionJob } from '../processes/checkout.ts'
import { smallestCharge } from '../processes/invoicing.ts'
import {
  checkExpiry,
  checkModeParameters,
  checkoutSessionParameters,
  type CheckoutSessionParameters,
} from './checkout-session-parameters.ts'
import { deliveryOf } from './customers.ts'
import { given, named } from './find.ts'
import { priceFromData } from './prices.ts'

function create(account: Account, params: CheckoutSessionParameters): CheckoutSession {
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
  if (mode === 'payment' && total > 0 && total < smallestCharge)
    throw invalidRequest('The Checkout Session’s total amount must convert to at least 50 cents.', {
      code: 'amount_too_small',
    })
  const setupIntent =
    mode === 'setup'
      ? account.setupIntents.insert(
          newSetupIntent({
            now: account.now(customer),
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
      plans: plansOf(params, lines),
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

/** What a payment on the page will create. */
function plansOf(params: CheckoutSessionParameters, lines: SessionLine[]): SessionPlans {
  const { payment_intent_data: payment, subscription_data: subscription, setup_intent_data: setup } = params
  const { enabled: invoices, invoice_data: invoice } = params.invoice_creation ?? { enabled: false }
  return {
    lines,
    paymentIntent: {
      captureMethod: payment?.capture_method,
      description: payment?.description,
      metadata: changedMetadata({}, payment?.metadata),
      receiptEmail: payment?.receipt_email,
      setupFutureUsage: payment?.setup_future_usage,
      shipping: deliveryOf(payment?.shipping),
      statementDescriptor: payment?.statement_descriptor,
      statementDescriptorSuffix: payment?.statement_descriptor_suffix,
      transferGroup: payment?.transfer_group,
    },
    subscription: {
      description: subscription?.description,
      metadata: changedMetadata({}, subscription?.metadata),
      trialEnd: subscription?.trial_end,
      trialPeriodDays: subscription?.trial_period_days,
      missingPaymentMethodAtTrialEnd: subscription?.trial_settings?.end_behavior.missing_payment_method,
    },
    setupIntent: { description: setup?.description, metadata: changedMetadata({}, setup?.metadata) },
    invoice: invoices
      ? {
          description: invoice?.description ?? null,
          footer: invoice?.footer ?? null,
          metadata: changedMetadata({}, invoice?.metadata),
        }
      : null,
  }
}

function linesOf(account: Account, params: CheckoutSessionParameters): SessionLine[] {
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

function currencyOf(
  account: Account,
  lines: SessionLine[],
  params: CheckoutSessionParameters,
): string | null {
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
  route('POST', '/v1/checkout/sessions', checkoutSessionParameters, ({ account, params }) =>
    create(account, params),
  ),
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
