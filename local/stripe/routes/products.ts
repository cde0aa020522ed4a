import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  clearable,
  hash,
  ignored,
  integer,
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
import { search } from '../http/search.ts'
import { newProduct, type Product } from '../objects/product.ts'
import { changedMetadata } from '../objects/shared.ts'
import { named } from './find.ts'
import { createPrice, currencyOptions, recurring, unitAmounts } from './prices.ts'

const shared = {
  active: boolean(),
  description: clearable(text(40_000)),
  images: clearable(list(url())),
  marketing_features: clearable(list(hash({ name: required(text()) }))),
  metadata: metadata(),
  package_dimensions: ignored(),
  shippable: boolean(),
  statement_descriptor: clearable(text(22)),
  tax_code: clearable(text()),
  tax_details: ignored(),
  unit_label: clearable(text(12)),
  url: clearable(url()),
}

const createShape = {
  ...shared,
  id: text(),
  name: required(text()),
  type: oneOf('good', 'service'),
  default_price_data: hash({
    currency: required(text()),
    ...unitAmounts,
    recurring,
    tax_behavior: oneOf('exclusive', 'inclusive', 'unspecified'),
    currency_options: currencyOptions,
    custom_unit_amount: unsupported(),
    metadata: metadata(),
  }),
}

function create(account: Account, params: Parsed<typeof createShape>): Product {
  if (params.id && account.products.get(params.id))
    throw invalidRequest(`Product already exists.`, { code: 'resource_already_exists', param: 'id' })
  const product = account.products.insert(
    newProduct({
      now: account.now(),
      id: params.id,
      name: params.name,
      active: params.active,
      description: params.description,
      images: params.images ?? [],
      marketingFeatures: params.marketing_features ?? [],
      metadata: changedMetadata({}, params.metadata),
      shippable: params.shippable,
      statementDescriptor: params.statement_descriptor,
      taxCode: params.tax_code,
      unitLabel: params.unit_label,
      url: params.url,
    }),
  )
  account.emit('product.created', product)
  if (params.default_price_data) {
    const price = createPrice(account, { ...params.default_price_data, product: product.id })
    account.products.change(product, { default_price: price.id })
  }
  return product
}

function update(account: Account, product: Product, params: Parsed<typeof updateShape>): Product {
  const previous = account.products.change(product, {
    ...(params.active !== undefined && { active: params.active }),
    ...(params.default_price !== undefined && {
      default_price: named(account.prices, params.default_price, 'price').id,
    }),
    ...(params.description !== undefined && { description: params.description }),
    ...(params.images !== undefined && { images: params.images ?? [] }),
    ...(params.marketing_features !== undefined && { marketing_features: params.marketing_features ?? [] }),
    ...(params.name !== undefined && { name: params.name }),
    ...(params.shippable !== undefined && { shippable: params.shippable }),
    ...(params.statement_descriptor !== undefined && { statement_descriptor: params.statement_descriptor }),
    ...(params.tax_code !== undefined && { tax_code: params.tax_code }),
    ...(params.unit_label !== undefined && { unit_label: params.unit_label }),
    ...(params.url !== undefined && { url: params.url }),
    metadata: changedMetadata(product.metadata, params.metadata),
    updated: account.now(),
  })
  account.emit('product.updated', product, previous)
  return product
}

const updateShape = { ...shared, name: text(), default_price: text() }

export const productRoutes = [
  route('POST', '/v1/products', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/products',
    {
      ...pagingByTime,
      active: boolean(),
      ids: list(text()),
      shippable: boolean(),
      url: text(),
      type: text(),
    },
    ({ account, params }) =>
      pageOf(
        account.products
          .all()
          .filter(
            (product) =>
              within(product.created, params.created) &&
              (params.active === undefined || product.active === params.active) &&
              (params.ids === undefined || params.ids.includes(product.id)) &&
              (params.url === undefined || product.url === params.url),
          ),
        params,
        '/v1/products',
      ),
  ),
  route(
    'GET',
    '/v1/products/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.products.all(), params, '/v1/products/search'),
  ),
  route('GET', '/v1/products/:id', {}, ({ account, path }) => named(account.products, path('id'), 'product')),
  route('POST', '/v1/products/:id', updateShape, ({ account, params, path }) =>
    update(account, named(account.products, path('id'), 'product'), params),
  ),
  route('DELETE', '/v1/products/:id', {}, ({ account, path }) => {
    const product = named(account.products, path('id'), 'product')
    if (account.prices.where('product', product.id).length > 0)
      throw invalidRequest('This product cannot be deleted because it has one or more user-created prices.')
    account.products.remove(product)
    account.emit('product.deleted', product)
    return { id: product.id, object: 'product', deleted: true }
  }),
]
