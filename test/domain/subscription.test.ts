import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  hasAccess,
  type InvoiceSnapshot,
  nextSubscriptionLook,
  nextSubscriptionStatus,
  owesMoney,
  type SubscriptionChange,
  type SubscriptionStatus,
  subscriptionStatuses,
} from '../../domain/subscription.ts'
import { brl, invoiceSeen } from '../support/snapshots.ts'
import { cycle, live, MONTH, seenIn } from './subscription-lives.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const changes: SubscriptionChange[] = [
  'trial_started',
  'activated',
  'renewed',
  'plan_changed',
  'payment_failed',
  'recovered',
  'paused',
  'resumed',
  'canceled',
]

describe('the status of a subscription', () => {
  // The whole table; a change that is not named is refused.
  it.each<[SubscriptionStatus, Partial<Record<SubscriptionChange, SubscriptionStatus>>]>([
    ['incomplete', { trial_started: 'trialing', activated: 'active', canceled: 'canceled' }],
    [
      'trialing',
      {
        activated: 'active',
        plan_changed: 'trialing',
        payment_failed: 'past_due',
        paused: 'paused',
        canceled: 'canceled',
      },
    ],
    [
      'active',
      {
        renewed: 'active',
        plan_changed: 'active',
        payment_failed: 'past_due',
        paused: 'paused',
        canceled: 'canceled',
      },
    ],
    ['past_due', { recovered: 'active', plan_changed: 'past_due', paused: 'paused', canceled: 'canceled' }],
    ['paused', { resumed: 'active', plan_changed: 'paused', canceled: 'canceled' }],
    ['canceled', {}],
  ])('%s leads on by %o and by nothing else', (status, expected) => {
    const reached = changes.flatMap((change) => {
      const next = nextSubscriptionStatus(status, change)
      return next === undefined ? [] : [[change, next] as const]
    })
    expect(Object.fromEntries(reached)).toEqual(expected)
  })

  it.each<[SubscriptionStatus, boolean]>([
    ['incomplete', false],
    ['trialing', true],
    ['active', true],
    ['past_due', true],
    ['paused', false],
    ['canceled', false],
  ])('%s gives access: %s', (status, access) => {
    expect(hasAccess({ status, graceEnded: false })).toBe(access)
    // Once the grace of what is owed is over, nothing but a payment brings access back.
    expect(hasAccess({ status, graceEnded: true })).toBe(access && status !== 'past_due')
  })
})

describe('the life of a subscription', () => {
  it('is not recorded before Stripe lets it run', () => {
    expect(live(seenIn(1, { status: 'incomplete' }))).toMatchObject({ status: 'incomplete', story: [] })
    expect(live(seenIn(1, { status: 'incomplete_expired' }))).toMatchObject({
      status: 'incomplete',
      story: [],
    })
  })

  it('renews when the invoice of the new period is paid, not when Stripe opens the period', () => {
    const opened = seenIn(2, { latestInvoice: cycle(2, 'draft') })
    const paid = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), paid).story).toEqual(['activated', 'renewed in_2'])
    expect(live(seenIn(1), opened).story).toEqual(['activated', 'updated'])
    expect(live(seenIn(1), opened, paid).story).toEqual(['activated', 'updated', 'renewed in_2'])
  })

  it('does not enter the money of the checkout a second time', () => {
    expect(live(seenIn(1)).story).toEqual(['activated'])
  })

  it('enters what is paid at the end of a trial, whether or not we looked while it was being charged', () => {
    const trial = seenIn(1, {
      status: 'trialing',
      latestInvoice: invoiceSeen({ amountPaid: brl(0) }),
    })
    const ended = seenIn(2, { latestInvoice: cycle(2, 'draft') })
    const charged = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(trial, ended, charged).story).toEqual(['trial_started', 'activated', 'renewed in_2'])
    expect(live(trial, charged).story).toEqual(['trial_started', 'activated', 'renewed in_2'])
  })

  it('enters what is paid late, by whatever road it recovers', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    const paid = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), failed, paid)).toMatchObject({
      status: 'active',
      story: ['activated', 'payment_failed', 'recovered in_2'],
    })
  })

  it('recovers without money when the invoice is voided', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    const voided = seenIn(2, { latestInvoice: cycle(2, 'void') })
    expect(live(seenIn(1), failed, voided).story).toEqual(['activated', 'payment_failed', 'recovered'])
  })

  it('was sold, and is recorded, even if we first look when it has failed, paused or ended', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    expect(live(failed)).toMatchObject({ status: 'past_due', story: ['activated', 'payment_failed'] })
    expect(live(seenIn(2, { status: 'paused' }))).toMatchObject({
      status: 'paused',
      story: ['trial_started', 'paused'],
    })
    expect(live(seenIn(1, { status: 'canceled' }))).toMatchObject({ status: 'canceled', story: ['canceled'] })
    expect(live(seenIn(2, { latestInvoice: cycle(2, 'paid') })).story).toEqual(['activated', 'renewed in_2'])
  })

  it('tells a renewal that was paid before the end it is seen with', () => {
    const ended = seenIn(2, { status: 'canceled', latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), ended)).toMatchObject({
      status: 'canceled',
      story: ['activated', 'renewed in_2', 'canceled'],
    })
  })

  it('enters other invoices as what they are, not as renewals', () => {
    const upgraded = seenIn(1, {
      quantity: 2,
      latestInvoice: invoiceSeen({ invoiceId: 'in_more', billingReason: 'subscription_update' }),
    })
    expect(live(seenIn(1), upgraded).story).toEqual(['activated', 'updated in_more'])
  })

  it('tells each change of its terms, and each change back', () => {
    const ending = seenIn(1, { cancelAtPeriodEnd: true })
    expect(live(seenIn(1), ending, seenIn(1), ending).story).toEqual([
      'activated',
      'updated',
      'updated',
      'updated',
    ])
  })

  it('is not moved back by an older look that comes late, but is ended by it', () => {
    const renewed = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), renewed, seenIn(1)).story).toEqual(['activated', 'renewed in_2'])
    expect(live(seenIn(1), renewed, seenIn(1, { status: 'canceled' })).status).toBe('canceled')
  })

  it('stays ended', () => {
    const paid = seenIn(3, { latestInvoice: cycle(3, 'paid') })
    expect(live(seenIn(1, { status: 'canceled' }), paid)).toMatchObject({
      status: 'canceled',
      story: ['canceled'],
    })
  })
})

describe('the next look', () => {
  const anyTimes = fc.record({
    currentPeriodEnd: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    owes: fc.boolean(),
    now: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  })

  it('is always in the future', () => {
    fc.assert(
      fc.property(anyTimes, (times) => {
        expect(nextSubscriptionLook(times)).toBeGreaterThan(times.now)
      }),
    )
  })

  it('comes after the renewal has had time to be charged, or within a day once that is behind us', () => {
    expect(nextSubscriptionLook({ currentPeriodEnd: MONTH, owes: false, now: 0 })).toBe(MONTH + 2 * HOUR)
    expect(nextSubscriptionLook({ currentPeriodEnd: MONTH, owes: false, now: MONTH + 3 * HOUR })).toBe(
      MONTH + 3 * HOUR + DAY,
    )
  })

  it('comes within a day while an invoice waits, so that a lost webhook cannot hide its payment for a period', () => {
    fc.assert(
      fc.property(anyTimes, (times) => {
        const next = nextSubscriptionLook({ ...times, owes: true })
        expect(next - times.now).toBeLessThanOrEqual(DAY)
      }),
    )
  })

  it.each<[InvoiceSnapshot['status'], boolean]>([
    ['draft', true],
    ['open', true],
    ['paid', false],
    ['void', false],
    ['uncollectible', false],
  ])('takes a %s invoice as owed: %s', (status, owed) => {
    expect(owesMoney(seenIn(1, { latestInvoice: invoiceSeen({ status }) }))).toBe(owed)
  })

  it('has no state that no look can reach', () => {
    expect([...subscriptionStatuses].toSorted()).toEqual(
      [
        'incomplete',
        live(seenIn(1, { status: 'trialing' })).status,
        live(seenIn(1)).status,
        live(seenIn(2, { status: 'past_due' })).status,
        live(seenIn(2, { status: 'paused' })).status,
        live(seenIn(2, { status: 'canceled' })).status,
      ].toSorted(),
    )
  })
})
