import type { Account } from '../account.ts'
import { badParameter, invalidRequest, missingParameter } from '../http/errors.ts'
import { pageOf, paging } from '../http/lists.ts'
import {
  address,
  clearable,
  email,
  hash,
  ignored,
  integer,
  metadata,
  oneOf,
  required,
  text,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { newPaymentMethod, type PaymentMethod } from '../objects/payment-method.ts'
import { addressOf, changedMetadata } from '../objects/shared.ts'
import { isCardNumber, testCard, testCardNamed } from '../objects/test-cards.ts'
import { attachPaymentMethod, detachPaymentMethod, findPaymentMethod } from '../processes/payment-methods.ts'
import { given } from './find.ts'

const billingDetails = hash({
  address: clearable(address()),
  email: clearable(email()),
  name: clearable(text()),
  phone: clearable(text()),
  tax_id: clearable(text()),
})

const card = hash({
  cvc: text(4),
  exp_month: integer(1, 12),
  exp_year: integer(0),
  networks: ignored(),
  number: text(),
  token: text(),
})

/** A card as `payment_method_data` and `POST /v1/payment_methods` describe it. */
export const paymentMethodData = {
  allow_redisplay: oneOf('always', 'limited', 'unspecified'),
  billing_details: billingDetails,
  card,
  metadata: metadata(),
  radar_options: ignored(),
  type: required(oneOf('card')),
}

export function createPaymentMethod(
  account: Account,
  params: Parsed<typeof paymentMethodData>,
  param = 'card',
): PaymentMethod {
  if (!params.card) throw missingParameter(param)
  const { number, token, exp_month: month, exp_year: year } = params.card
  const named = token === undefined ? undefined : testCardNamed(token)
  if (token !== undefined && !named)
    throw badParameter(`No such token: '${token}'`, { code: 'resource_missing', param: `${param}[token]` })
  if (!named && number === undefined) throw missingParameter(`${param}[number]`)
  if (!named && (month === undefined || year === undefined)) throw missingParameter(`${param}[exp_month]`)
  const digits = (number ?? '').replaceAll(/[\s-]/g, '')
  if (!named && !isCardNumber(digits)) throw wrongNumber(`${param}[number]`)
  const billing = params.billing_details
  return account.paymentMethods.insert(
    newPaymentMethod({
      now: account.now(),
      card: named ?? testCard(digits),
      expMonth: month,
      expYear: year !== undefined && year < 100 ? 2000 + year : year,
      cvcChecked: named !== undefined || params.card.cvc !== undefined,
      billing: billing && {
        address: addressOf(billing.address ?? {}),
        email: billing.email ?? null,
        name: billing.name ?? null,
        phone: billing.phone ?? null,
        tax_id: billing.tax_id ?? null,
      },
      metadata: changedMetadata({}, params.metadata),
    }),
  )
}

const wrongNumber = (param: string) =>
  invalidRequest('Your card number is incorrect.', { type: 'card_error', code: 'incorrect_number', param })

function update(account: Account, method: PaymentMethod, params: Parsed<typeof updateShape>): PaymentMethod {
  if (!method.customer)
    throw invalidRequest('You must save this PaymentMethod to a customer before you can update it.', {
      param: 'payment_method',
    })
  const billing = params.billing_details
  const previous = account.paymentMethods.change(method, {
    ...(params.allow_redisplay !== undefined && { allow_redisplay: params.allow_redisplay }),
    ...(params.card && {
      card: {
        ...method.card,
        exp_month: params.card.exp_month ?? method.card.exp_month,
        exp_year: params.card.exp_year ?? method.card.exp_year,
      },
    }),
    ...(billing && {
      billing_details: {
        ...method.billing_details,
        ...(billing.address !== undefined && { address: addressOf(billing.address ?? {}) }),
        ...(billing.email !== undefined && { email: billing.email }),
        ...(billing.name !== undefined && { name: billing.name }),
        ...(billing.phone !== undefined && { phone: billing.phone }),
      },
    }),
    metadata: changedMetadata(method.metadata, params.metadata),
  })
  account.emit('payment_method.updated', method, previous)
  return method
}

const updateShape = {
  allow_redisplay: oneOf('always', 'limited', 'unspecified'),
  billing_details: billingDetails,
  card: hash({ exp_month: integer(1, 12), exp_year: integer(2000), networks: ignored() }),
  metadata: metadata(),
}

export const paymentMethodRoutes = [
  route(
    'POST',
    '/v1/payment_methods',
    { ...paymentMethodData, customer: unsupported(), payment_method: unsupported() },
    ({ account, params }) => createPaymentMethod(account, params),
  ),
  route(
    'GET',
    '/v1/payment_methods',
    { ...paging, allow_redisplay: ignored(), customer: text(), type: oneOf('card') },
    ({ account, params }) => {
      const found =
        params.customer === undefined
          ? []
          : account.paymentMethods.where(
              'customer',
              given(account.customers, params.customer, 'customer', 'customer').id,
            )
      return pageOf(found, params, '/v1/payment_methods')
    },
  ),
  route('GET', '/v1/payment_methods/:method', {}, ({ account, path }) =>
    findPaymentMethod(account, path('method')),
  ),
  route('POST', '/v1/payment_methods/:method', updateShape, ({ account, params, path }) =>
    update(account, findPaymentMethod(account, path('method')), params),
  ),
  route(
    'POST',
    '/v1/payment_methods/:method/attach',
    { customer: required(text()) },
    ({ account, params, path }) => {
      const method = findPaymentMethod(account, path('method'))
      attachPaymentMethod(account, method, given(account.customers, params.customer, 'customer', 'customer'))
      return method
    },
  ),
  route('POST', '/v1/payment_methods/:method/detach', {}, ({ account, path }) => {
    const method = findPaymentMethod(account, path('method'))
    detachPaymentMethod(account, method)
    return method
  }),
]
