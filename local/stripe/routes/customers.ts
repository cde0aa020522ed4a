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
import type { TestClock } from '../objects/test-clock.ts'
import { removeCustomer } from '../processes/customers.ts'
import { recordBalance } from '../processes/customer-balance.ts'
import { attachPaymentMethod, findPaymentMethod } from '../processes/payment-methods.ts'
import { given, named } from './find.ts'

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
  test_clock: text(),
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
  const clock = params.test_clock === undefined ? undefined : clockFor(account, params.test_clock)
  const customer = account.customers.insert(
    newCustomer({
      now: clock?.frozen_time ?? account.now(),
      testClock: clock?.id,
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
  if (customer.balance !== 0) recordBalance(account, customer, customer.balance, { type: 'initial' })
  if (method) attachPaymentMethod(account, method, customer)
  setDefaultMethod(account, customer, params.invoice_settings?.default_payment_method)
  account.emit('customer.created', customer)
  return customer
}

/** Stripe keeps the customers of a clock few; here their number is a setting. */
function clockFor(account: Account, id: string): TestClock {
  const clock = given(account.testClocks, id, 'test_clock', 'test_clock')
  const most = account.settings.customers_per_test_clock
  if (account.customers.where('test_clock', id).length >= most)
    throw invalidRequest(`You have reached the maximum of ${most} customers for the test clock ${id}.`, {
      param: 'test_clock',
    })
  return clock
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
  if (previous.balance !== undefined)
    recordBalance(account, customer, customer.balance - previous.balance, { type: 'adjustment' })
  const changed = { ...settled, ...previous }
  if (Object.keys(changed).length > 0) account.emit('customer.updated', customer, changed)
  return customer
}

const deleted = (id: string): object => ({ id, object: 'customer', deleted: true })

export const customerRoutes = [
  route('POST', '/v1/customers', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/customers',
    { ...pagingByTime, email: text(), test_clock: text() },
    ({ account, params }) => {
      const indexed = (['email', 'test_clock'] as const).find((field) => params[field] !== undefined)
      const found = indexed
        ? account.customers.where(indexed, params[indexed] ?? '')
        : account.customers.all()
      return pageOf(
        found.filter(
          ({ created, test_clock }) =>
            within(created, params.created) &&
            // Stripe leaves customers with a clock out of lists that do not ask for that clock.
            test_clock === (params.test_clock ?? null),
        ),
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
  route('DELETE', '/v1/customers/:customer', {}, ({ account, path }) => {
    const customer = named(account.customers, path('customer'), 'customer')
    removeCustomer(account, customer)
    return deleted(customer.id)
  }),
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
