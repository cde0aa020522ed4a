import type { Account } from '../account.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { boolean, clearable, list, metadata, number, oneOf, required, text } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { changedMetadata } from '../objects/shared.ts'
import { newTaxRate, taxTypes, type TaxRate } from '../objects/tax-rate.ts'
import { given, named } from './find.ts'

/** The rates of what is billed; an empty text takes them away. */
export const taxRates = clearable(list(text(), 5))

/** The ids of rates that exist. @throws StripeError naming the first that does not */
export const taxRatesNamed = (account: Account, ids: string[] | null, param: string): string[] =>
  (ids ?? []).map((id, at) => given(account.taxRates, id, 'tax rate', `${param}[${at}]`).id)

const shared = {
  active: boolean(),
  country: text(2),
  description: text(),
  display_name: text(50),
  jurisdiction: text(50),
  metadata: metadata(),
  state: text(3),
  tax_type: oneOf(...taxTypes),
}

const rateNamed = (account: Account, id: string): TaxRate => named(account.taxRates, id, 'tax rate')

export const taxRateRoutes = [
  route(
    'POST',
    '/v1/tax_rates',
    {
      ...shared,
      display_name: required(shared.display_name),
      inclusive: required(boolean()),
      percentage: required(number()),
    },
    ({ account, params }) => {
      const rate = account.taxRates.insert(
        newTaxRate({
          now: account.now(),
          active: params.active ?? true,
          country: params.country,
          description: params.description,
          displayName: params.display_name,
          inclusive: params.inclusive,
          jurisdiction: params.jurisdiction,
          metadata: changedMetadata({}, params.metadata),
          percentage: params.percentage,
          state: params.state,
          taxType: params.tax_type,
        }),
      )
      account.emit('tax_rate.created', rate)
      return rate
    },
  ),
  route(
    'GET',
    '/v1/tax_rates',
    { ...pagingByTime, active: boolean(), inclusive: boolean() },
    ({ account, params }) =>
      pageOf(
        account.taxRates
          .all()
          .filter(
            (rate) =>
              within(rate.created, params.created) &&
              (params.active === undefined || rate.active === params.active) &&
              (params.inclusive === undefined || rate.inclusive === params.inclusive),
          ),
        params,
        '/v1/tax_rates',
      ),
  ),
  route('GET', '/v1/tax_rates/:rate', {}, ({ account, path }) => rateNamed(account, path('rate'))),
  route('POST', '/v1/tax_rates/:rate', shared, ({ account, params, path }) => {
    const rate = rateNamed(account, path('rate'))
    const { metadata: change, ...fields } = params
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
    const previous = account.taxRates.change(rate, {
      ...given,
      metadata: changedMetadata(rate.metadata, change),
    })
    account.emit('tax_rate.updated', rate, previous)
    return rate
  }),
]
