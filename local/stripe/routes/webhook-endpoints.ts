import { pageOf, paging } from '../http/lists.ts'
import { boolean, clearable, list, metadata, required, text, unsupported, url } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { changedMetadata } from '../objects/shared.ts'
import { newWebhookEndpoint } from '../objects/webhook-endpoint.ts'
import { named } from './find.ts'

export const webhookEndpointRoutes = [
  route(
    'POST',
    '/v1/webhook_endpoints',
    {
      url: required(url()),
      enabled_events: required(list(text())),
      api_version: text(),
      connect: unsupported(),
      description: clearable(text()),
      metadata: metadata(),
    },
    ({ account, params }) => {
      const endpoint = account.webhookEndpoints.insert(
        newWebhookEndpoint({
          now: account.now(),
          url: params.url,
          enabledEvents: params.enabled_events,
          apiVersion: params.api_version ?? null,
          description: params.description ?? null,
          metadata: changedMetadata({}, params.metadata),
        }),
      )
      // The secret is told this once.
      return { ...endpoint, secret: endpoint.hidden.secret }
    },
  ),
  route('GET', '/v1/webhook_endpoints', paging, ({ account, params }) =>
    pageOf(account.webhookEndpoints.all(), params, '/v1/webhook_endpoints'),
  ),
  route('GET', '/v1/webhook_endpoints/:endpoint', {}, ({ account, path }) =>
    named(account.webhookEndpoints, path('endpoint'), 'webhook endpoint'),
  ),
  route(
    'POST',
    '/v1/webhook_endpoints/:endpoint',
    {
      url: url(),
      enabled_events: list(text()),
      description: clearable(text()),
      disabled: boolean(),
      metadata: metadata(),
    },
    ({ account, params, path }) => {
      const endpoint = named(account.webhookEndpoints, path('endpoint'), 'webhook endpoint')
      account.webhookEndpoints.change(endpoint, {
        ...(params.url !== undefined && { url: params.url }),
        ...(params.enabled_events !== undefined && { enabled_events: params.enabled_events }),
        ...(params.description !== undefined && { description: params.description }),
        ...(params.disabled !== undefined && {
          status: params.disabled ? ('disabled' as const) : ('enabled' as const),
        }),
        metadata: changedMetadata(endpoint.metadata, params.metadata),
      })
      return endpoint
    },
  ),
  route('DELETE', '/v1/webhook_endpoints/:endpoint', {}, ({ account, path }) => {
    const endpoint = named(account.webhookEndpoints, path('endpoint'), 'webhook endpoint')
    account.webhookEndpoints.remove(endpoint)
    return { id: endpoint.id, object: 'webhook_endpoint', deleted: true }
  }),
]
