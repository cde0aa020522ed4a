import type { Account } from '../account.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { list, oneOf, text } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { eventBody, type StoredEvent } from '../objects/event.ts'
import { named } from './find.ts'

/** A type, or all of a kind: `invoice.*`. */
const matches = (type: string, wanted: string): boolean =>
  wanted.endsWith('.*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted

const shown = (account: Account, event: StoredEvent): object =>
  eventBody(event, account.deliveries.where('event', event.id).length, null)

export const eventRoutes = [
  route(
    'GET',
    '/v1/events',
    { ...pagingByTime, type: text(), types: list(text(), 20), delivery_success: oneOf('true', 'false') },
    ({ account, params }) => {
      const wanted = params.types ?? (params.type === undefined ? undefined : [params.type])
      // One exact type is what is asked for most.
      const exact = params.type?.endsWith('.*') ? undefined : params.type
      const candidates = exact === undefined ? account.events.all() : account.events.where('type', exact)
      const found = candidates.filter(
        (event) =>
          within(event.created, params.created) &&
          (wanted === undefined || wanted.some((one) => matches(event.type, one))) &&
          (params.delivery_success === undefined ||
            (account.deliveries.where('event', event.id).length === 0) ===
              (params.delivery_success === 'true')),
      )
      const page = pageOf(found, params, '/v1/events')
      return { ...page, data: page.data.map((event) => shown(account, event)) }
    },
  ),
  route('GET', '/v1/events/:event', {}, ({ account, path }) =>
    shown(account, named(account.events, path('event'), 'event')),
  ),
]
