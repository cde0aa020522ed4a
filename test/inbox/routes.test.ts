import { describe, expect, it } from 'vitest'
import { metadataKeys } from '../../domain/provider.ts'
import { ownerClaim } from '../../inbox/owner.ts'
import { routeOf } from '../../inbox/routes.ts'
import { stripeEvent } from './fixtures.ts'

const ofSubscription = { subscription_details: { subscription: 'sub_1', metadata: {} } }
const invoice = (reason: string) => ({ object: 'invoice', billing_reason: reason, parent: ofSubscription })

describe('routeOf', () => {
  it.each([
    'checkout.session.completed',
    'checkout.session.expired',
    'checkout.session.async_payment_succeeded',
    'checkout.session.async_payment_failed',
  ])('sends %s to the checkout', (type) => {
    expect(routeOf(stripeEvent(type))).toBe('checkout')
  })

  it('sends a page on which a card is saved to its customer, and one that is not ours to nobody', () => {
    const ours = { mode: 'setup', metadata: { [metadataKeys.setup]: '1' } }
    expect(routeOf(stripeEvent('checkout.session.completed', ours))).toBe('setup_page')
    expect(routeOf(stripeEvent('checkout.session.expired', ours))).toBe('setup_page')
    const others = { mode: 'setup', metadata: {} }
    expect(routeOf(stripeEvent('checkout.session.completed', others))).toBe('not_relevant')
  })

  it('sends a declined card of our own payment to its checkout, and that of an invoice to nobody', () => {
    const ours = { metadata: { [metadataKeys.payment]: 'pay_1' } }
    expect(routeOf(stripeEvent('payment_intent.payment_failed', ours))).toBe('checkout')
    expect(routeOf(stripeEvent('payment_intent.payment_failed', { metadata: {} }))).toBe('not_relevant')
  })

  it('sends the first invoice of a subscription to the checkout when it fails, and to nobody otherwise', () => {
    const first = invoice('subscription_create')
    expect(routeOf(stripeEvent('invoice.payment_failed', first))).toBe('checkout')
    const others = ['invoice.paid', 'invoice.voided', 'invoice.payment_action_required']
    expect(new Set(others.map((type) => routeOf(stripeEvent(type, first))))).toEqual(
      new Set(['not_relevant']),
    )
  })

  it.each([
    'invoice.payment_failed',
    'invoice.paid',
    'invoice.voided',
    'invoice.marked_uncollectible',
    'invoice.payment_action_required',
  ])('sends %s of a later invoice to the subscription', (type) => {
    expect(routeOf(stripeEvent(type, invoice('subscription_cycle')))).toBe('subscription')
    expect(routeOf(stripeEvent(type, { object: 'invoice', billing_reason: 'manual', parent: null }))).toBe(
      'not_relevant',
    )
  })

  it.each(['deleted', 'paused', 'resumed'])(
    'sends customer.subscription.%s to the subscription',
    (change) => {
      expect(routeOf(stripeEvent(`customer.subscription.${change}`))).toBe('subscription')
    },
  )

  it('wakes the subscription once for a renewal, of which Stripe sends many events', () => {
    const item = { id: 'si_1', price: { id: 'price_1' }, quantity: 1 }
    const subscription = {
      status: 'active',
      items: { data: [{ ...item, current_period_end: 2, current_period_start: 1 }] },
    }
    const previous = {
      latest_invoice: 'in_1',
      items: { data: [{ ...item, current_period_end: 1, current_period_start: 0 }] },
    }
    const events = [
      stripeEvent('invoice.upcoming', invoice('upcoming')),
      stripeEvent('invoice.created', invoice('subscription_cycle')),
      stripeEvent('customer.subscription.updated', subscription, previous),
      stripeEvent('invoice.finalized', invoice('subscription_cycle')),
      stripeEvent('payment_intent.succeeded', { metadata: {} }),
      stripeEvent('charge.succeeded', { metadata: {} }),
      stripeEvent('invoice.paid', invoice('subscription_cycle')),
    ]
    expect(events.map(routeOf).filter((route) => route !== 'not_relevant')).toEqual(['subscription'])
  })

  it.each([
    ['its status', { status: 'active' }],
    ['its end', { cancel_at: null }],
    ['its end at the period', { cancel_at_period_end: false }],
    ['the pause of its collection', { pause_collection: null }],
    ['its trial', { trial_end: 1 }],
    ['its price', { items: { data: [{ price: { id: 'price_0' }, quantity: 1 }] } }],
    ['a change that waits to be paid', { pending_update: null }],
    ['its quantity', { items: { data: [{ price: { id: 'price_1' }, quantity: 2 }] } }],
    ['the number of its items', { items: { data: [] } }],
  ])('wakes the subscription when an update changes %s', (_what, previous) => {
    const now = { items: { data: [{ price: { id: 'price_1' }, quantity: 1 }] } }
    expect(routeOf(stripeEvent('customer.subscription.updated', now, previous))).toBe('subscription')
  })

  it.each([
    ['its period alone', { items: { data: [{ current_period_end: 1 }] } }],
    ['its latest invoice alone', { latest_invoice: 'in_1' }],
    ['what the checkout has read', { status: 'incomplete' }],
  ])('lets the subscription sleep when an update changes %s', (_what, previous) => {
    const now = { items: { data: [{ price: { id: 'price_1' }, quantity: 1 }] } }
    expect(routeOf(stripeEvent('customer.subscription.updated', now, previous))).toBe('not_relevant')
  })

  it.each([
    stripeEvent('payment_method.attached'),
    stripeEvent('payment_method.automatically_updated'),
    stripeEvent('customer.updated', {}, { invoice_settings: { default_payment_method: null } }),
    stripeEvent('customer.subscription.updated', {}, { default_payment_method: null }),
  ])('tells whoever waits for money of a card that comes or changes: $type', (event) => {
    expect(routeOf(event)).toBe('cards')
  })

  it('lets cards rest when something else of a customer changes', () => {
    expect(routeOf(stripeEvent('customer.updated', {}, { email: 'old@example.test' }))).toBe('not_relevant')
  })

  it.each([
    ['in_1/charge/2/1', 'own_effect'],
    ['sbs_1/9f2c/change/1', 'own_effect'],
    ['pay_1/create-session/1', 'subscription'],
    ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'subscription'],
    [null, 'subscription'],
  ])('tells the echo of what a workflow asked for under key %s from news: %s', (idempotency_key, route) => {
    const event = stripeEvent('invoice.paid', invoice('subscription_cycle'))
    event.payload.request = { id: 'req_1', idempotency_key }
    expect(routeOf(event)).toBe(route)
  })

  it('lets a trial that is about to end rest: its notice has a deadline of its own', () => {
    expect(routeOf(stripeEvent('customer.subscription.trial_will_end'))).toBe('not_relevant')
  })

  it.each(['refund.created', 'refund.failed'])('follows a refund that was made or has failed: %s', (type) => {
    expect(routeOf(stripeEvent(type))).toBe('refund')
  })

  it('follows a refund whose status has changed, and not one of which the bank only tells its number', () => {
    const updated = (previous_attributes: object) => ({
      ...stripeEvent('refund.updated'),
      payload: { data: { object: {}, previous_attributes: { ...previous_attributes } } },
    })
    expect(routeOf(updated({ status: 'pending' }))).toBe('refund')
    expect(routeOf(updated({ destination_details: {} }))).toBe('not_relevant')
  })

  it('tells a type that is handled but changes nothing from one that is unknown', () => {
    const handled = ['customer.created', 'charge.succeeded', 'setup_intent.succeeded', 'charge.refunded']
    expect(new Set(handled.map((type) => routeOf(stripeEvent(type))))).toEqual(new Set(['not_relevant']))
    expect(routeOf(stripeEvent('issuing_card.created'))).toBe('unknown_type')
    expect(routeOf(stripeEvent('toString'))).toBe('unknown_type')
  })
})

describe('ownerClaim', () => {
  const projectId = `prj_${'0'.repeat(26)}`
  const paymentId = `pay_${'0'.repeat(26)}`
  const subscriptionId = `sbs_${'0'.repeat(26)}`
  const metadata = {
    [metadataKeys.project]: projectId,
    [metadataKeys.payment]: paymentId,
    [metadataKeys.subscription]: subscriptionId,
  }

  it('reads our ids from the object, or from the subscription that an invoice is for', () => {
    expect(ownerClaim(stripeEvent('checkout.session.completed', { metadata }))).toMatchObject({
      projectId,
      paymentId,
      subscriptionId,
    })
    const parent = { subscription_details: { subscription: 'sub_1', metadata } }
    expect(ownerClaim(stripeEvent('invoice.paid', { metadata: { note: 'x' }, parent }))).toMatchObject({
      projectId,
      paymentId,
      subscriptionId,
      stripeSubscriptionId: 'sub_1',
    })
  })

  it('takes nothing for an id that is none', () => {
    const forged = {
      [metadataKeys.project]: "prj_'; drop table payments",
      [metadataKeys.payment]: 7,
      [metadataKeys.subscription]: paymentId,
    }
    expect(ownerClaim(stripeEvent('checkout.session.completed', { metadata: forged }))).toMatchObject({
      projectId: undefined,
      paymentId: undefined,
      subscriptionId: undefined,
    })
  })

  it("names Stripe's ids, the object's own first, expanded or not", () => {
    const charge = { id: 'dp_1', charge: { id: 'ch_1' }, payment_intent: 'pi_1', customer: null }
    expect(ownerClaim(stripeEvent('charge.dispute.created', charge)).stripeIds).toEqual([
      'dp_1',
      'pi_1',
      'ch_1',
    ])
  })
})
