import type { Account } from '../account.ts'
import { invalidRequest, missingParameter } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  clearable,
  currency,
  decimal,
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
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import type { Customer } from '../objects/customer.ts'
import type { Invoice } from '../objects/invoice.ts'
import { newInvoiceItem, type InvoiceItem } from '../objects/invoice-item.ts'
import { amountOf, newPrice, type Price } from '../objects/price.ts'
import { newProduct } from '../objects/product.ts'
import { changedMetadata } from '../objects/shared.ts'
import { addItem, removeItem } from '../processes/invoice-items.ts'
import { discountItem } from '../processes/discounts.ts'
import { given, named } from './find.ts'
import { priceData, priceFromData } from './prices.ts'
import { taxRates, taxRatesNamed } from './tax-rates.ts'

const createShape = {
  amount: integer(),
  currency: currency(),
  customer: text(),
  customer_account: unsupported(),
  description: text(),
  discountable: boolean(),
  discounts: list(hash({ coupon: text(), discount: text(), promotion_code: unsupported() })),
  invoice: text(),
  metadata: metadata(),
  period: hash({ start: required(timestamp()), end: required(timestamp()) }),
  price_data: priceData,
  pricing: hash({ price: text() }),
  quantity: integer(0),
  quantity_decimal: ignored(),
  subscription: unsupported(),
  tax_behavior: ignored(),
  tax_code: ignored(),
  tax_rates: taxRates,
  unit_amount_decimal: decimal(),
}

function create(account: Account, params: Parsed<typeof createShape>): InvoiceItem {
  if (params.customer === undefined) throw missingParameter('customer')
  const customer = given(account.customers, params.customer, 'customer', 'customer')
  const invoice =
    params.invoice === undefined ? undefined : given(account.invoices, params.invoice, 'invoice', 'invoice')
  if (invoice && invoice.status !== 'draft')
    throw invalidRequest('This invoice is no longer editable', {
      code: 'invoice_not_editable',
      param: 'invoice',
    })
  const quantity = params.quantity ?? 1
  const price = priceOf(account, params, customer, invoice)
  const item = account.invoiceItems.insert(
    newInvoiceItem({
      testClock: customer.test_clock,
      now: account.now(customer),
      customer: customer.id,
      amount: params.amount ?? amountOf(price, quantity),
      quantity,
      unitAmountDecimal: price.unit_amount_decimal,
      currency: price.currency,
      description: params.description ?? descriptionOf(account, params, price),
      price: price.id,
      product: price.product,
      invoice: invoice?.id ?? null,
      discountable: params.discountable ?? true,
      discounts: [],
      metadata: changedMetadata({}, params.metadata),
      taxRates: taxRatesNamed(account, params.tax_rates ?? null, 'tax_rates'),
      period: params.period,
    }),
  )
  for (const [index, { coupon }] of (params.discounts ?? []).entries())
    if (coupon !== undefined)
      discountItem(account, item, given(account.coupons, coupon, 'coupon', `discounts[${index}][coupon]`))
  if (invoice) addItem(account, invoice, item)
  account.emit('invoiceitem.created', item)
  return item
}

/** An item with nothing but an amount gets a price of its own, as at Stripe. */
function priceOf(
  account: Account,
  params: Parsed<typeof createShape>,
  customer: Customer,
  invoice: Invoice | undefined,
): Price {
  if (params.pricing?.price !== undefined)
    return given(account.prices, params.pricing.price, 'price', 'pricing[price]')
  if (params.price_data) return priceFromData(account, params.price_data, 'price_data')
  const unit = params.amount?.toString() ?? params.unit_amount_decimal
  if (unit === undefined) throw missingParameter('amount')
  const product = account.products.insert(
    newProduct({ now: account.now(customer), name: params.description ?? 'Invoice item', active: false }),
  )
  return account.prices.insert(
    newPrice({
      now: account.now(customer),
      product: product.id,
      currency: params.currency ?? invoice?.currency ?? customer.currency ?? 'usd',
      unitAmount: Number.isInteger(Number(unit)) ? Number(unit) : null,
      unitAmountDecimal: unit,
      active: false,
    }),
  )
}

const descriptionOf = (account: Account, params: Parsed<typeof createShape>, price: Price): string | null =>
  params.pricing || params.price_data ? account.products.must(price.product).name : null

const updateShape = {
  amount: integer(),
  description: clearable(text()),
  discountable: boolean(),
  discounts: unsupported(),
  invoicing_rules: unsupported(),
  metadata: metadata(),
  period: hash({ start: required(timestamp()), end: required(timestamp()) }),
  price_data: unsupported(),
  pricing: unsupported(),
  quantity: unsupported(),
  quantity_decimal: unsupported(),
  tax_behavior: ignored(),
  tax_code: ignored(),
  tax_rates: taxRates,
  unit_amount_decimal: unsupported(),
}

/** The draft that an item stands on, if any. @throws StripeError once it is finalized */
function draftOf(account: Account, item: InvoiceItem): Invoice | undefined {
  const invoice = account.invoices.get(item.invoice ?? '')
  if (invoice && invoice.status !== 'draft')
    throw invalidRequest(
      'The invoice item you are trying to change is attached to an invoice that is no longer editable.',
      { code: 'invoice_not_editable' },
    )
  return invoice
}

export const invoiceItemRoutes = [
  route('POST', '/v1/invoiceitems', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/invoiceitems',
    { ...pagingByTime, customer: text(), invoice: text(), pending: oneOf('true', 'false') },
    ({ account, params }) =>
      pageOf(
        account.invoiceItems
          .all()
          .filter(
            (item) =>
              within(item.date, params.created) &&
              (params.customer === undefined || item.customer === params.customer) &&
              (params.invoice === undefined || item.invoice === params.invoice) &&
              (params.pending === undefined || (item.invoice === null) === (params.pending === 'true')),
          ),
        params,
        '/v1/invoiceitems',
      ),
  ),
  route('GET', '/v1/invoiceitems/:item', {}, ({ account, path }) =>
    named(account.invoiceItems, path('item'), 'invoiceitem'),
  ),
  route('POST', '/v1/invoiceitems/:item', updateShape, ({ account, params, path }) => {
    const item = named(account.invoiceItems, path('item'), 'invoiceitem')
    const invoice = draftOf(account, item)
    if (invoice) removeItem(account, invoice, item)
    account.invoiceItems.change(item, {
      ...(params.amount !== undefined && { amount: params.amount }),
      ...(params.description !== undefined && { description: params.description }),
      ...(params.discountable !== undefined && { discountable: params.discountable }),
      ...(params.period !== undefined && { period: params.period }),
      ...(params.tax_rates !== undefined && {
        tax_rates: taxRatesNamed(account, params.tax_rates, 'tax_rates'),
      }),
      metadata: changedMetadata(item.metadata, params.metadata),
    })
    if (invoice) addItem(account, invoice, item)
    return item
  }),
  route('DELETE', '/v1/invoiceitems/:item', {}, ({ account, path }) => {
    const item = named(account.invoiceItems, path('item'), 'invoiceitem')
    const invoice = draftOf(account, item)
    if (invoice) removeItem(account, invoice, item)
    account.invoiceItems.remove(item)
    account.emit('invoiceitem.deleted', item)
    return { id: item.id, object: 'invoiceitem', deleted: true }
  }),
]
