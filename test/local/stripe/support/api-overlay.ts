import type { SchemaObject } from 'ajv'

/**
 * What Stripe's published description (API `2026-08-26.dahlia`) does not say about the answers of API
 * `2026-10-28.endive`. Schemas are named as in the description. Everything else a test finds is a finding.
 */
interface OverlayField {
  schema: string
  field: string
  is: SchemaObject
  source: string
}

const sdkTypes = 'type declarations of the SDK 23.1'
const changelog = 'changelog of the SDK, 23.0.0'
const recordings = 'sent by Stripe in the recordings, though never documented'

const nullable = (schema: SchemaObject): SchemaObject => ({ anyOf: [schema, { type: 'null' }] })
const ref = (schema: string): SchemaObject => ({ $ref: `#/components/schemas/${schema}` })
const text = { type: 'string' }

export const overlayFields: OverlayField[] = [
  { schema: 'dispute', field: 'intended_submission_method', is: nullable(text), source: sdkTypes },
  { schema: 'dispute_evidence_details', field: 'submission_method', is: text, source: sdkTypes },
  {
    schema: 'checkout.session',
    field: 'allowed_payment_method_types',
    is: nullable({ type: 'array', items: text }),
    source: changelog,
  },
  { schema: 'payment_intent', field: 'payment_record', is: nullable(text), source: changelog },
  { schema: 'payment_intent', field: 'source', is: nullable(text), source: sdkTypes },
  {
    schema: 'payment_method_details_card',
    field: 'electronic_commerce_indicator',
    is: nullable(text),
    source: changelog,
  },
  {
    schema: 'subscription_item',
    field: 'current_trial',
    is: nullable({ type: 'object' }),
    source: changelog,
  },
  { schema: 'subscription_schedule', field: 'pause_schedules', is: { type: 'array' }, source: changelog },
  { schema: 'subscription_schedule_configuration_item', field: 'plan', is: text, source: sdkTypes },
  {
    schema: 'subscription_schedules_resource_default_settings',
    field: 'default_source',
    is: nullable(text),
    source: 'examples of the API reference',
  },
  {
    schema: 'subscriptions_resource_pending_update',
    field: 'cancel_at_period_end',
    is: nullable({ type: 'boolean' }),
    source: changelog,
  },
  {
    schema: 'subscriptions_resource_trial_settings_end_behavior',
    field: 'billing_cycle_anchor',
    is: nullable(text),
    source: changelog,
  },
  { schema: 'product', field: 'tax_details', is: nullable({ type: 'object' }), source: changelog },
  { schema: 'product', field: 'type', is: { enum: ['good', 'service'] }, source: sdkTypes },
  { schema: 'recurring', field: 'trial_period_days', is: nullable({ type: 'integer' }), source: sdkTypes },
  { schema: 'subscription_item', field: 'plan', is: ref('plan'), source: sdkTypes },
  { schema: 'subscription', field: 'plan', is: nullable(ref('plan')), source: recordings },
  { schema: 'subscription', field: 'status_details', is: { type: 'object' }, source: changelog },
  { schema: 'subscription', field: 'quantity', is: nullable({ type: 'integer' }), source: recordings },
  {
    schema: 'payment_intent_payment_method_options_link',
    field: 'persistent_token',
    is: nullable(text),
    source: recordings,
  },
  { schema: 'charge', field: 'destination', is: nullable(text), source: recordings },
  { schema: 'charge', field: 'dispute', is: nullable(text), source: recordings },
  { schema: 'charge', field: 'order', is: nullable(text), source: recordings },
  { schema: 'charge', field: 'source', is: nullable({ type: 'object' }), source: sdkTypes },
]

/** Calls that came later, which answer as another does that the description knows. */
export const overlayCalls = [
  {
    call: '/v1/subscriptions/{subscription}/pause',
    answersAs: '/v1/subscriptions/{subscription}/resume',
    source: changelog,
  },
]

/** Fields that the SDK's types declare always there, yet no recording of either version has. */
export const neverSent = new Set(['InvoiceLineItem.subscription'])

/** Lists inside a subscription, an invoice or a session count their elements: seen in the recordings, never documented. */
export const listFields: Record<string, SchemaObject> = { total_count: { type: 'integer' } }
