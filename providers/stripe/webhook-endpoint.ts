/** Where Stripe sends its events. */

import type { Stripe } from 'stripe'
import type { StripeConfig } from '../../config.ts'
import { API_VERSION } from './api-version.ts'
import { createStripeClient } from './client.ts'

export interface WebhookEndpoint {
  id: string
  url: string
  apiVersion: string | null
  /** Stripe tells it once, when the endpoint is created. */
  secret: string | undefined
}

export interface WebhookEndpoints {
  list(): Promise<WebhookEndpoint[]>
  create(url: string): Promise<WebhookEndpoint>
  /** Gives an endpoint this address and the events that this release knows; its secret stays. */
  align(id: string, url: string): Promise<void>
  remove(id: string): Promise<void>
}

export function createWebhookEndpoints(
  config: Pick<StripeConfig, 'secretKey' | 'apiBase'>,
): WebhookEndpoints {
  const { webhookEndpoints } = createStripeClient(config)
  return {
    async list() {
      const found: WebhookEndpoint[] = []
      for await (const endpoint of webhookEndpoints.list({ limit: 100 })) found.push(fromStripe(endpoint))
      return found
    },
    async create(url) {
      const description = 'Quittance'
      return fromStripe(
        await webhookEndpoints.create({
          url,
          description,
          enabled_events: eventTypes,
          api_version: API_VERSION,
        }),
      )
    },
    async align(id, url) {
      await webhookEndpoints.update(id, { url, enabled_events: eventTypes })
    },
    async remove(id) {
      await webhookEndpoints.del(id)
    },
  }
}

const fromStripe = ({
  id,
  url,
  api_version: apiVersion,
  secret,
}: Stripe.WebhookEndpoint): WebhookEndpoint => ({
  id,
  url,
  apiVersion,
  secret,
})

const eventTypes: Stripe.WebhookEndpointCreateParams.EnabledEvent[] = [
  'checkout.session.completed',
  'checkout.session.expired',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'customer.created',
  'customer.updated',
  'customer.deleted',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'customer.subscription.trial_will_end',
  'customer.subscription.pending_update_applied',
  'customer.subscription.pending_update_expired',
  'invoice.created',
  'invoice.finalized',
  'invoice.finalization_failed',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.payment_action_required',
  'invoice.marked_uncollectible',
  'invoice.voided',
  'invoice.upcoming',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.requires_action',
  'payment_intent.processing',
  'payment_intent.canceled',
  'charge.succeeded',
  'charge.failed',
  'charge.refunded',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'radar.early_fraud_warning.created',
  'payment_method.attached',
  'payment_method.updated',
  'payment_method.automatically_updated',
  'payment_method.detached',
  'setup_intent.succeeded',
  'setup_intent.setup_failed',
  'setup_intent.requires_action',
]
