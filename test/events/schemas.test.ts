import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { type CloudEvent, type EventDataByType, type EventType, topicOf } from '../../domain/events.ts'
import type { SubscriptionNotice, SubscriptionNoticeKind } from '../../domain/notices.ts'
import { eventDocuments } from '../../events/documents.ts'
import { parseEvent } from '../../events/envelope.ts'
import { dataSchemaUrn, eventTypes } from '../../events/schemas.ts'

const directory = path.resolve(import.meta.dirname, '..', '..', 'events')
const published = new Map(
  readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [file, JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as object]),
)

const payment: EventDataByType['payment.created'] = {
  payment_id: deriveId('pay', '1'),
  payment_type: 'subscription',
  status: 'pending',
  user_id: 'user:1',
  amount: 9900,
  currency: 'brl',
  plan_id: 'pro',
  quantity: 1,
  subscription_id: deriveId('sbs', '1'),
  metadata: { order: '7' },
}
const subscription: EventDataByType['subscription.created'] = {
  subscription_id: deriveId('sbs', '1'),
  user_id: 'user:1',
  plan_id: 'pro',
  plan_version: 1,
  quantity: 1,
  status: 'active',
  has_access: true,
  roles: ['pro'],
  current_period_start: '2026-03-01T00:00:00.000Z',
  current_period_end: '2026-04-01T00:00:00.000Z',
  cancel_at_period_end: false,
  interval: 'month',
  payment_id: deriveId('pay', '1'),
}
const unpaid: EventDataByType['dunning.exhausted'] = {
  invoice_id: 'in_2',
  subscription_id: deriveId('sbs', '1'),
  user_id: 'user:1',
  plan_id: 'pro',
  amount: 9900,
  currency: 'brl',
  failed_at: '2026-04-01T01:00:00.000Z',
  grace_until: '2026-04-08T01:00:00.000Z',
  policy_version: 0,
  on_exhausted: 'cancel',
}
const { on_exhausted: _end, ...dunning } = unpaid
const paidFor = {
  payment_id: deriveId('pay', '1'),
  subscription_id: deriveId('sbs', '1'),
  invoice_id: 'in_1',
}
const refund: EventDataByType['refund.created'] = {
  refund_id: deriveId('rfd', '1'),
  user_id: 'user:1',
  amount: 4900,
  currency: 'brl',
  status: 'pending',
  origin: 'request',
  ...paidFor,
  reason: 'It arrived damaged.',
}
const dispute: EventDataByType['dispute.opened'] = {
  dispute_id: deriveId('dsp', '1'),
  user_id: 'user:1',
  amount: 9900,
  currency: 'brl',
  status: 'needs_response',
  reason: 'fraudulent',
  ...paidFor,
  evidence_due_at: '2026-04-01T01:00:00.000Z',
}
const notice = (kind: SubscriptionNoticeKind): SubscriptionNotice => ({
  kind,
  user_id: 'user:1',
  subscription_id: deriveId('sbs', '1'),
  plan_id: 'pro',
  plan_name: 'Pro',
  amount: 9900,
  currency: 'brl',
  invoice_id: 'in_2',
  retry_at: '2026-04-04T01:00:00.000Z',
  grace_until: '2026-04-08T01:00:00.000Z',
  pay_url: 'https://pay.example/in_2',
})
const role: EventDataByType['entitlement.role_granted'] = {
  user_id: 'user:1',
  role: 'pro',
  roles: ['pro'],
  subscription_id: deriveId('sbs', '1'),
}
const credits: EventDataByType['credits.expired'] = {
  user_id: 'user:1',
  transaction_id: deriveId('wtx', '1'),
  amount: 2_000_000,
  balance: 3_000_000,
}
const bought = { payment_id: deriveId('pay', '1'), price: 2500, currency: 'brl' }

const examples: EventDataByType = {
  'payment.created': payment,
  'payment.succeeded': { ...payment, status: 'succeeded', amount_received: 0, invoice_id: 'in_1' },
  'payment.failed': { ...payment, status: 'failed', failure_code: 'insufficient_funds' },
  'payment.expired': { ...payment, status: 'expired' },
  'payment.refunded': {
    ...payment,
    status: 'refunded',
    amount_refunded: 9900,
    refund_id: deriveId('rfd', '1'),
  },
  'refund.created': refund,
  'refund.succeeded': { ...refund, status: 'succeeded' },
  'refund.failed': { ...refund, status: 'failed', failure_code: 'lost_or_stolen_card' },
  'dispute.opened': dispute,
  'dispute.closed': { ...dispute, status: 'won' },
  'alert.refund_failed': { ...refund, status: 'failed' },
  'alert.dispute_opened': dispute,
  'alert.dispute_evidence_due': dispute,
  'alert.fraud_warning': {
    user_id: 'user:1',
    stripe_charge_id: 'ch_1',
    fraud_type: 'misc',
    amount: 9900,
    currency: 'brl',
    payment_id: deriveId('pay', '1'),
  },
  'subscription.created': subscription,
  'subscription.activated': { ...subscription, trial_end: '2026-03-01T00:00:00.000Z' },
  'subscription.renewed': { ...subscription, invoice_id: 'in_2', amount: 9900, currency: 'brl' },
  'subscription.updated': { ...subscription, cancel_at_period_end: true },
  'subscription.past_due': { ...subscription, status: 'past_due' },
  'subscription.recovered': subscription,
  'subscription.paused': { ...subscription, status: 'paused', has_access: false },
  'subscription.resumed': subscription,
  'subscription.canceled': { ...subscription, status: 'canceled', has_access: false },
  'subscription.trial_will_end': {
    ...subscription,
    status: 'trialing',
    trial_end: '2026-03-04T00:00:00.000Z',
  },
  'dunning.retry_scheduled': { ...dunning, retry: 1, retries: 3, retry_at: '2026-04-04T01:00:00.000Z' },
  'dunning.retry_failed': { ...dunning, trigger: 'schedule', decline_code: 'insufficient_funds' },
  'dunning.exhausted': unpaid,
  'alert.reconciliation_difference': {
    reconciliation_id: 'rec_1',
    kind: 'payment_amount_differs',
    explanation: 'Another amount was captured for a payment than we entered.',
    user_id: 'user:1',
    subject_id: deriveId('pay', '1'),
    stripe_id: 'ch_1',
    ours: { amount: '9900' },
    stripes: { amount: '9800', currency: 'brl' },
  },
  'alert.payment_failed': { ...dunning, failures: 2, decline_code: 'insufficient_funds' },
  'notice.retry_upcoming': notice('retry_upcoming'),
  'notice.payment_failed': notice('payment_failed'),
  'notice.authentication_required': notice('authentication_required'),
  'notice.no_payment_method': notice('no_payment_method'),
  'notice.payment_recovered': notice('payment_recovered'),
  'notice.trial_will_end': notice('trial_will_end'),
  'notice.subscription_canceled': notice('subscription_canceled'),
  'notice.subscription_paused': notice('subscription_paused'),
  'notice.subscription_resumed': notice('subscription_resumed'),
  'credits.purchased': { ...credits, ...bought, product_id: 'pack', auto_top_up: false },
  'credits.granted': {
    ...credits,
    grant_id: 'welcome',
    kind: 'bonus',
    expires_at: '2026-04-01T00:00:00.000Z',
    reason: 'Welcome',
  },
  'credits.consumed': { ...credits, usage_id: 'call-1', description: 'A call' },
  'credits.expired': credits,
  'credits.adjusted': { ...credits, amount: -1, adjustment_id: 'adj-1', reason: 'Billed twice' },
  'credits.refunded': { ...credits, ...bought, undone: false },
  'credits.low_balance': { user_id: 'user:1', balance: 3_000_000, threshold: 4_000_000 },
  'credits.top_up_failed': {
    user_id: 'user:1',
    payment_id: deriveId('pay', '1'),
    product_id: 'pack',
    failure_code: 'insufficient_funds',
  },
  'notice.top_up_failed': {
    kind: 'top_up_failed',
    user_id: 'user:1',
    payment_id: deriveId('pay', '1'),
    product_id: 'pack',
    product_name: 'Credits',
    amount: 2500,
    currency: 'brl',
    reason: 'There was not enough money available on your card.',
  },
  'entitlement.role_granted': role,
  'entitlement.role_revoked': { ...role, roles: [] },
}

function eventOf(type: EventType): CloudEvent {
  const projectId = deriveId('prj', '1')
  return {
    specversion: '1.0',
    id: deriveId('ev', '1'),
    type: `com.quittance.${type}`,
    source: `/projects/${projectId}`,
    subject: /credits|entitlements/.test(topicOf(type)) ? 'user:1' : 'pay_1',
    time: '2026-03-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: dataSchemaUrn(type),
    projectid: projectId,
    correlationid: 'cor-1',
    sequence: 1,
    recordedtime: '2026-03-01T00:00:00.000Z',
    data: examples[type],
  }
}

/** What a reader does who has nothing but the published files. */
function publishedValidators(): Map<EventType, { envelope: ValidateFunction; data: ValidateFunction }> {
  const ajv = new Ajv({ strict: true, allErrors: true })
  addFormats.default(ajv)
  const compiled = (file: string) => {
    const schema = published.get(file)
    if (!schema) throw new Error(`${file} is not published`)
    return ajv.compile(schema)
  }
  const envelope = compiled('envelope.v1.schema.json')
  return new Map(eventTypes.map((type) => [type, { envelope, data: compiled(`${type}.v1.schema.json`) }]))
}

describe('the published schemas', () => {
  it('are those that the code generates (npx tsx scripts/generate-events.ts)', () => {
    expect(Object.fromEntries(published)).toEqual(Object.fromEntries(eventDocuments()))
  })

  it('take every event we send, and so does our own stricter check', () => {
    const validators = publishedValidators()
    for (const type of eventTypes) {
      const event = eventOf(type)
      const validate = validators.get(type)
      expect(validate?.envelope(event) && validate.data(event.data)).toBe(true)
      expect(parseEvent(JSON.stringify(event))).toEqual(event)
    }
  })

  it('let a reader live with fields that are added later, which we ourselves send only once they are published', () => {
    const validators = publishedValidators()
    for (const type of eventTypes) {
      const later = { ...eventOf(type), data: { ...examples[type], added_later: true } }
      expect(validators.get(type)?.data(later.data)).toBe(true)
      expect(() => parseEvent(JSON.stringify(later))).toThrow('added_later')
    }
  })

  it('refuse an event that lacks what was promised', () => {
    const validators = publishedValidators()
    for (const type of eventTypes) {
      const { user_id: _left, ...rest } = examples[type]
      expect(validators.get(type)?.data(rest)).toBe(false)
      expect(() => parseEvent(JSON.stringify({ ...eventOf(type), data: rest }))).toThrow('user_id')
    }
  })
})

describe('parseEvent', () => {
  const event = eventOf('payment.created')
  it.each([
    ['another type', { type: 'com.quittance.payment.invented' }, 'not a published type'],
    ['another schema', { dataschema: dataSchemaUrn('payment.failed') }, 'names the schema'],
    ['the source of another project', { source: '/projects/prj_2' }, 'is not the source of'],
    ['a sequence below one', { sequence: 0 }, 'sequence'],
    ['a local time', { time: '2026-03-01T00:00:00+03:00' }, 'time'],
  ])('refuses %s', (_what, change, message) => {
    expect(() => parseEvent(JSON.stringify({ ...event, ...change }))).toThrow(message)
  })
})

describe('the AsyncAPI document', () => {
  it('refers to nothing that is not there, and has each type in the one channel of its topic', () => {
    const document = published.get('asyncapi.json') as {
      channels: Record<string, { messages: Record<string, { $ref: string }> }>
    }
    for (const reference of referencesIn(document)) {
      const target = reference.startsWith('#/')
        ? reference
            .slice(2)
            .split('/')
            .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document)
        : published.get(reference.replace('./', ''))
      expect([reference, typeof target]).toEqual([reference, 'object'])
    }
    const placed = Object.entries(document.channels).flatMap(([topic, { messages }]) =>
      Object.keys(messages).map((type) => [type, topic]),
    )
    expect(Object.fromEntries(placed)).toEqual(
      Object.fromEntries(eventTypes.map((type) => [type, topicOf(type)])),
    )
    expect(placed).toHaveLength(eventTypes.length)
  })
})

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    name === '$ref' && typeof inner === 'string' ? [inner] : referencesIn(inner),
  )
}
