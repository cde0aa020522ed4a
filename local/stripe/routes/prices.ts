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
  unsupported,
  type MetadataChange,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import { newPrice, type Price, type TaxBehavior } from '../objects/price.ts'
import { newProduct } from '../objects/product.ts'
import { changedMetadata, type Interval } from '../objects/shared.ts'
import { given, named } from './find.ts'

export const unitAmounts = { unit_amount: integer(0), unit_amount_decimal: decimal() }

export const recurring = hash({
  interval: required(oneOf('day', 'week', 'month', 'year')),
  interval_count: integer(1, 1095),
  usage_type: oneOf('licensed'),
  trial_period_days: ignored(),
  meter: unsupported(),
})

/** Prices in several currencies at once are not served. */
export const currencyOptions = unsupported()

const taxBehavior = oneOf('exclusive', 'inclusive', 'unspecified')

const productData = hash({
  id: text(),
  active: boolean(),
  metadata: metadata(),
  name: required(text()),
  statement_descriptor: text(22),
  tax_code: text(),
  unit_label: text(12),
})

const createShape = {
  active: boolean(),
  billing_scheme: oneOf('per_unit'),
  currency: required(currency()),
  currency_options: currencyOptions,
  custom_unit_amount: unsupported(),
  lookup_key: text(200),
  metadata: metadata(),
  nickname: text(),
  product: text(),
  product_data: productData,
  recurring,
  tax_behavior: taxBehavior,
  tiers: unsupported(),
  tiers_mode: unsupported(),
  transfer_lookup_key: boolean(),
  transform_quantity: unsupported(),
  ...unitAmounts,
}

interface PriceGiven {
  id?: string | undefined
  currency: string
  product: string
  unit_amount?: number | undefined
  unit_amount_decimal?: string | undefined
  recurring?: { interval: Interval; interval_count?: number | undefined } | undefined
  active?: boolean | undefined
  lookup_key?: string | undefined
  metadata?: MetadataChange | undefined
  nickname?: string | undefined
  tax_behavior?: TaxBehavior | undefined
}

export function createPrice(account: Account, params: PriceGiven, param = ''): Price {
  const amountDecimal = params.unit_amount?.toString() ?? params.unit_amount_decimal
  if (amountDecimal === undefined)
    throw missingParameter(param === '' ? 'unit_amount' : `${param}[unit_amount]`)
  const whole = Number(amountDecimal)
  const price = account.prices.insert(
    newPrice({
      now: account.now(),
      id: params.id,
      product: params.product,
      currency: params.currency.toLowerCase(),
      unitAmount: Number.isInteger(whole) ? whole : null,
      unitAmountDecimal: amountDecimal,
      recurring: params.recurring,
      active: params.active,
      lookupKey: params.lookup_key,
      metadata: changedMetadata({}, params.metadata),
      nickname: params.nickname,
      taxBehavior: params.tax_behavior,
    }),
  )
  account.emit('price.created', price)
  return price
}

/** The parameters of a price that is described where it is used. Such prices are made inactive, as at Stripe. */
export const priceData = hash({
  currency: required(currency()),
  product: text(),
  product_data: hash({
    description: text(),
    images: list(text()),
    metadata: metadata(),
    name: required(text()),
    tax_code: text(),
    tax_details: ignored(),
    unit_label: text(12),
  }),
  recurring,
  tax_behavior: taxBehavior,
  ...unitAmounts,
})

export function priceFromData(
  account: Account,
  data: NonNullable<Parsed<{ data: typeof priceData }>['data']>,
  param: string,
): Price {
  const { product_data: described, product } = data
  if (!described && product === undefined) throw missingParameter(`${param}[product]`)
  if (!described) {
    const { id } = given(account.products, product ?? '', 'product', `${param}[product]`)
    return createPrice(account, { ...data, product: id, active: false }, param)
  }
  const fresh = account.products.insert(
    newProduct({
      now: account.now(),
      name: described.name,
      active: false,
      description: described.description,
      images: described.images,
      metadata: changedMetadata({}, described.metadata),
      taxCode: described.tax_code,
      unitLabel: described.unit_label,
    }),
  )
  account.emit('product.created', fresh)
  return createPrice(account, { ...data, product: fresh.id, active: false }, param)
}

function create(account: Account, params: Parsed<typeof createShape>): Price {
  if (params.lookup_key !== undefined)
    claimLookupKey(account, params.lookup_key, params.transfer_lookup_key ?? false)
  const { product_data: described } = params
  if (!described && params.product === undefined) throw missingParameter('product')
  const product = described
    ? account.products.insert(
        newProduct({
          now: account.now(),
          id: described.id,
          name: described.name,
          active: described.active,
          metadata: changedMetadata({}, described.metadata),
          statementDescriptor: described.statement_descriptor,
          taxCode: described.tax_code,
          unitLabel: described.unit_label,
        }),
      )
    : given(account.products, params.product ?? '', 'product', 'product')
  if (described) account.emit('product.created', product)
  return createPrice(account, { ...params, product: product.id })
}

/** A lookup key names one price; it is taken from another only when the caller says so. */
function claimLookupKey(account: Account, key: string, transfer: boolean): void {
  for (const price of account.prices.where('lookup_key', key)) {
    if (!transfer)
      throw invalidRequest(
        `A price (\`${price.id}\`) already uses that lookup key (\`${key}\`). To transfer it to this price, pass \`transfer_lookup_key=true\`.`,
        { param: 'lookup_key' },
      )
    account.prices.change(price, { lookup_key: null })
  }
}

const updateShape = {
  active: boolean(),
  currency_options: currencyOptions,
  lookup_key: clearable(text(200)),
  metadata: metadata(),
  nickname: clearable(text()),
  tax_behavior: taxBehavior,
  transfer_lookup_key: boolean(),
}

function update(account: Account, price: Price, params: Parsed<typeof updateShape>): Price {
  if (params.lookup_key && params.lookup_key !== price.lookup_key)
    claimLookupKey(account, params.lookup_key, params.transfer_lookup_key ?? false)
  const previous = account.prices.change(price, {
    ...(params.active !== undefined && { active: params.active }),
    ...(params.lookup_key !== undefined && { lookup_key: params.lookup_key }),
    ...(params.nickname !== undefined && { nickname: params.nickname }),
    ...(params.tax_behavior !== undefined && { tax_behavior: params.tax_behavior }),
    metadata: changedMetadata(price.metadata, params.metadata),
  })
  if (Object.keys(previous).length > 0) account.emit('price.updated', price, previous)
  return price
}

export const priceRoutes = [
  route('POST', '/v1/prices', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/prices',
    {
      ...pagingByTime,
      active: boolean(),
      currency: currency(),
      lookup_keys: list(text(), 10),
      product: text(),
      recurring: hash({
        interval: oneOf('day', 'week', 'month', 'year'),
        meter: unsupported(),
        usage_type: oneOf('licensed', 'metered'),
      }),
      type: oneOf('one_time', 'recurring'),
    },
    ({ account, params }) =>
      pageOf(
        (params.product === undefined
          ? account.prices.all()
          : account.prices.where('product', params.product)
        ).filter(
          (price) =>
            within(price.created, params.created) &&
            (params.active === undefined || price.active === params.active) &&
            (params.currency === undefined || price.currency === params.currency) &&
            (params.lookup_keys === undefined || params.lookup_keys.includes(price.lookup_key ?? '')) &&
            (params.recurring?.interval === undefined ||
              price.recurring?.interval === params.recurring.interval) &&
            (params.type === undefined || price.type === params.type),
        ),
        params,
        '/v1/prices',
      ),
  ),
  route(
    'GET',
    '/v1/prices/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.prices.all(), params, '/v1/prices/search'),
  ),
  route('GET', '/v1/prices/:price', {}, ({ account, path }) => named(account.prices, path('price'), 'price')),
  route('POST', '/v1/prices/:price', updateShape, ({ account, params, path }) =>
    update(account, named(account.prices, path('price'), 'price'), params),
  ),
]
