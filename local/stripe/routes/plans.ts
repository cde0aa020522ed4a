import type { Account } from '../account.ts'
import { invalidRequest, noSuch } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  currency,
  decimal,
  either,
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
import { planOf, type Price } from '../objects/price.ts'
import { newProduct } from '../objects/product.ts'
import { changedMetadata } from '../objects/shared.ts'
import { given } from './find.ts'
import { createPrice } from './prices.ts'

/** Prices under their former name. They are the same objects; only here can the caller choose their ids. */
const createShape = {
  active: boolean(),
  amount: integer(0),
  amount_decimal: decimal(),
  billing_scheme: oneOf('per_unit'),
  currency: required(currency()),
  id: text(),
  interval: required(oneOf('day', 'week', 'month', 'year')),
  interval_count: integer(1),
  metadata: metadata(),
  meter: unsupported(),
  nickname: text(),
  product: required(
    either(
      text(),
      (raw) => typeof raw === 'string',
      hash({
        active: boolean(),
        id: text(),
        metadata: metadata(),
        name: required(text()),
        statement_descriptor: text(22),
        tax_code: text(),
        tax_details: ignored(),
        unit_label: text(12),
      }),
    ),
  ),
  tiers: unsupported(),
  tiers_mode: unsupported(),
  transform_usage: unsupported(),
  trial_period_days: unsupported(),
  usage_type: oneOf('licensed'),
}

function create(account: Account, params: Parsed<typeof createShape>): object {
  if (params.id !== undefined && account.prices.get(params.id))
    throw invalidRequest('Plan already exists.', { code: 'resource_already_exists', param: 'id' })
  const { product: described } = params
  const product =
    typeof described === 'string'
      ? given(account.products, described, 'product', 'product')
      : account.products.insert(
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
  const price = createPrice(account, {
    id: params.id,
    currency: params.currency,
    product: product.id,
    unit_amount: params.amount,
    unit_amount_decimal: params.amount_decimal,
    recurring: { interval: params.interval, interval_count: params.interval_count },
    active: params.active,
    metadata: params.metadata,
    nickname: params.nickname,
  })
  return shown(price)
}

const shown = (price: Price): object => planOf(price) ?? {}

function planNamed(account: Account, id: string): Price {
  const price = account.prices.get(id)
  if (!price?.recurring) throw noSuch('plan', id)
  return price
}

export const planRoutes = [
  route('POST', '/v1/plans', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/plans',
    { ...pagingByTime, active: boolean(), product: text() },
    ({ account, params }) => {
      const page = pageOf(
        account.prices
          .all()
          .filter(
            (price) =>
              price.recurring &&
              within(price.created, params.created) &&
              (params.active === undefined || price.active === params.active) &&
              (params.product === undefined || price.product === params.product),
          ),
        params,
        '/v1/plans',
      )
      return { ...page, data: page.data.map(shown) }
    },
  ),
  route('GET', '/v1/plans/:plan', {}, ({ account, path }) => shown(planNamed(account, path('plan')))),
]
