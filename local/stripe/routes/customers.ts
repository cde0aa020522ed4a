import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import { pageOf, paging, pagingByTime, within } from '../http/lists.ts'
import {
  address,
  clearable,
  email,
  hash,
  ignored,
  integer,
  list,
  metadata,
  oneOf,
  required,
  text,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import { newCustomer, type Customer, type Shipping } from '../objects/customer.ts'
import { addressOf, changedMetadata } from '../objects/shared.ts'
import { attachPaymentMethod, findPaymentMethod } from '../processes/payment-methods.ts'
import { cancelSubscription } from '../processes/subscribing.ts'
import { named } from './find.ts'

export const shipping = hash({
  address: required(address()),
  carrier: text(),
  name: required(text()),
  phone: clearable(text()),
  tracking_number: text(),
})

const shared = {
  address: clearable(address()),
  balance: integer(),
  description: clearable(text()),
  email: clearable(email()),
  invoice_prefix: text(12),
  invoice_settings: hash({
    custom_fields: ignored(),
    default_payment_method: clearable(text()),
    footer: ignored(),
    rendering_options: ignored(),
  }),
  metadata: metadata(),
  name: clearable(text(256)),
  next_invoice_sequence: integer(1),
  phone: clearable(text(20)),
  preferred_locales: list(text()),
  shipping: clearable(shipping),
  source: unsupported(),
  cash_balance: unsupported(),
  tax: ignored(),
  tax_exempt: clearable(oneOf('none', 'exempt', 'reverse')),
}

const createShape = {
  ...shared,
  payment_method: text(),
  tax_id_data: unsupported(),
  test_clock: unsupported(),
}

export const shippingOf = (given: Parsed<{ shipping: typeof shipping }>['shipping']): Shipping | null =>
  given
    ? {
        address: addressOf(given.address),
        name: given.name,
        phone: given.phone ?? null,
      }
    : null

/** The same for a payment, where who carries the goods is part of it. */
export const deliveryOf = (
  given: Parsed<{ shipping: typeof shipping }>['shipping'] | null,
): Shipping | null => {
  const shown = given && shippingOf(given)
  return shown
    ? { ...shown, carrier: given.carrier ?? null, tracking_number: given.tracking_number ?? null }
    : null
}

function create(account: Account, params: Parsed<typeof createShape>): Customer {
  const method = params.payment_method && findPaymentMethod(account, params.payment_method, 'payment_method')
  const customer = account.customers.insert(
    newCustomer({
      now: account.now(),
      email: params.email,
      name: params.name,
      phone: params.phone,
      description: params.description,
      address: params.address ? addressOf(params.address) : null,
      shipping: shippingOf(params.shipping ?? undefined),
      metadata: changedMetadata({}, params.metadata),
      defaultPaymentMethod: null,
      invoicePrefix: params.invoice_prefix,
      nextInvoiceSequence: params.next_invoice_sequence,
      preferredLocales: params.preferred_locales,
      taxExempt: params.tax_exempt ?? undefined,
      balance: params.balance,
    }),
  )
  if (method) attachPaymentMethod(account, method, customer)
  setDefaultMethod(account, customer, params.invoice_settings?.default_payment_method)
  account.emit('customer.created', customer)
  return customer
}

function setDefaultMethod(
  account: Account,
  customer: Customer,
  id: string | null | undefined,
): Partial<Customer> {
  if (id === undefined) return {}
  if (
    id !== null &&
    findPaymentMethod(account, id, 'invoice_settings[default_payment_method]').customer !== customer.id
  )
    throw invalidRequest(
      `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param: 'invoice_settings[default_payment_method]' },
    )
  return account.customers.change(customer, {
    invoice_settings: { ...customer.invoice_settings, default_payment_method: id },
  })
}

function update(account: Account, customer: Customer, params: Parsed<typeof shared>): Customer {
  const settled = setDefaultMethod(account, customer, params.invoice_settings?.default_payment_method)
  const previous = account.customers.change(customer, {
    ...(params.address !== undefined && { address: params.address && addressOf(params.address) }),
    ...(params.balance !== undefined && { balance: params.balance }),
    ...(params.description !== undefined && { description: params.description }),
    ...(params.email !== undefined && { email: params.email }),
    ...(params.invoice_prefix !== undefined && { invoice_prefix: params.invoice_prefix }),
    ...(params.name !== undefined && { name: params.name }),
    ...(params.next_invoice_sequence !== undefined && {
      next_invoice_sequence: params.next_invoice_sequence,
    }),
    ...(params.phone !== undefined && { phone: params.phone }),
    ...(params.preferred_locales !== undefined && { preferred_locales: params.preferred_locales }),
    ...(params.shipping !== undefined && { shipping: shippingOf(params.shipping ?? undefined) }),
    ...(params.tax_exempt !== undefined && { tax_exempt: params.tax_exempt ?? 'none' }),
    metadata: changedMetadata(customer.metadata, params.metadata),
  })
  const changed = { ...settled, ...previous }
  if (Object.keys(changed).length > 0) account.emit('customer.updated', customer, changed)
  return customer
}

/** Deleting a customer also ends what they subscribe to. */
function remove(account: Account, customer: Customer): object {
  for (const subscription of account.subscriptions.where('customer', customer.id))
    if (subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired')
      cancelSubscription(account, subscription)
  for (const method of account.paymentMethods.where('customer', customer.id))
    account.paymentMethods.change(method, { customer: null })
  account.emit('customer.deleted', customer)
  account.deletedCustomers.insert({ id: customer.id })
  account.customers.remove(customer)
  return deleted(customer.id)
}

const deleted = (id: string): object => ({ id, object: 'customer', deleted: true })

export const customerRoutes = [
  route('POST', '/v1/customers', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/customers',
    { ...pagingByTime, email: text(), test_clock: unsupported() },
    ({ account, params }) => {
      const found =
        params.email === undefined ? account.customers.all() : account.customers.where('email', params.email)
      return pageOf(
        found.filter(({ created }) => within(created, params.created)),
        params,
        '/v1/customers',
      )
    },
  ),
  route(
    'GET',
    '/v1/customers/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.customers.all(), params, '/v1/customers/search'),
  ),
  route('GET', '/v1/customers/:customer', {}, ({ account, path }) =>
    account.deletedCustomers.get(path('customer'))
      ? deleted(path('customer'))
      : named(account.customers, path('customer'), 'customer'),
  ),
  route('POST', '/v1/customers/:customer', shared, ({ account, params, path }) =>
    update(account, named(account.customers, path('customer'), 'customer'), params),
  ),
  route('DELETE', '/v1/customers/:customer', {}, ({ account, path }) =>
    remove(account, named(account.customers, path('customer'), 'customer')),
  ),
  route(
    'GET',
    '/v1/customers/:customer/payment_methods',
    { ...paging, type: oneOf('card'), allow_redisplay: ignored() },
    ({ account, params, path }) => {
      const { id } = named(account.customers, path('customer'), 'customer')
      return pageOf(
        account.paymentMethods.where('customer', id),
        params,
        `/v1/customers/${id}/payment_methods`,
      )
    },
  ),
  route('GET', '/v1/customers/:customer/payment_methods/:method', {}, ({ account, path }) =>
    named(account.paymentMethods, path('method'), 'PaymentMethod'),
  ),
]
