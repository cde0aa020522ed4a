import { integer, metadata, clearable, email, required, text, unsupported } from '../http/parameters.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import { changedMetadata } from '../objects/shared.ts'
import { named } from './find.ts'

export const chargeRoutes = [
  route(
    'GET',
    '/v1/charges',
    { ...pagingByTime, customer: text(), payment_intent: text(), transfer_group: text() },
    ({ account, params }) => {
      const indexed = (['payment_intent', 'customer'] as const).find((field) => params[field] !== undefined)
      const found = indexed ? account.charges.where(indexed, params[indexed] ?? '') : account.charges.all()
      return pageOf(
        found.filter(
          (charge) =>
            within(charge.created, params.created) &&
            (params.customer === undefined || charge.customer === params.customer) &&
            (params.transfer_group === undefined || charge.transfer_group === params.transfer_group),
        ),
        params,
        '/v1/charges',
      )
    },
  ),
  route(
    'GET',
    '/v1/charges/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.charges.all(), params, '/v1/charges/search'),
  ),
  route('GET', '/v1/charges/:charge', {}, ({ account, path }) =>
    named(account.charges, path('charge'), 'charge'),
  ),
  route(
    'POST',
    '/v1/charges/:charge',
    {
      customer: unsupported(),
      description: clearable(text()),
      fraud_details: unsupported(),
      metadata: metadata(),
      receipt_email: clearable(email()),
      shipping: unsupported(),
      transfer_group: text(),
    },
    ({ account, params, path }) => {
      const charge = named(account.charges, path('charge'), 'charge')
      const previous = account.charges.change(charge, {
        ...(params.description !== undefined && { description: params.description }),
        ...(params.receipt_email !== undefined && { receipt_email: params.receipt_email }),
        ...(params.transfer_group !== undefined && { transfer_group: params.transfer_group }),
        metadata: changedMetadata(charge.metadata, params.metadata),
      })
      account.emit('charge.updated', charge, previous)
      return charge
    },
  ),
]
