import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  failedInvoiceOf,
  firstFailureOf,
  hasAccess,
  hasPeriodEnded,
  type InvoiceSnapshot,
  nextSubscriptionLook,
  nextSubscriptionStatus,
  owesMoney,
  soldSubscription,
  type SubscriptionChange,
  type SubscriptionStatus,
  trialNoticeAt,
} from '../../domain/subscription.ts'
import { declinedAttempt, invoiceSeen, knownAs } from '../support/snapshots.ts'
import { cycle, liveOn, MONTH, seenIn, sold } from './subscription-lives.ts'

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

it('what is sold has not begun: it gives no access, owes nothing and has no period yet', () => {
  const terms = { planId: 'pro', planVersion: 2, quantity: 3 }
  expect(soldSubscription(terms)).toEqual({
    ...terms,
    revision: 0,
    status: 'incomplete',
    currentPeriodStart: 0,
    currentPeriodEnd: 0,
    cancelAtPeriodEnd: false,
    openCases: 0,
    graceEnded: false,
  })
})

it('a period has ended from the moment of its end on', () => {
  const ended = [MONTH - 1, MONTH, MONTH + 1].map((now) => hasPeriodEnded({ currentPeriodEnd: MONTH }, now))
  expect(ended).toEqual([false, true, true])
})

describe('unpaid invoices', () => {
  const failed = (period: number) =>
    seenIn(period, { status: 'past_due', latestInvoice: cycle(period, 'open') })

  it('are those that a charge was tried on, and not the first, which is the checkout’s', () => {
    const { life } = liveOn(sold(), seenIn(1))
    const untried = { ...cycle(2, 'open'), attempted: false }
    expect(failedInvoiceOf(seenIn(2, { status: 'past_due', latestInvoice: untried }))).toBeUndefined()
    expect(
      failedInvoiceOf(seenIn(1, { status: 'past_due', latestInvoice: invoiceSeen({ status: 'open' }) })),
    ).toBe(undefined)
    expect(failedInvoiceOf(failed(2))?.invoiceId).toBe('in_2')
    expect(failedInvoiceOf(seenIn(2, { latestInvoice: cycle(2, 'open') }))).toBeUndefined()
    expect(failedInvoiceOf({ ...failed(2), status: 'unpaid' })?.invoiceId).toBe('in_2')
    expect(failedInvoiceOf({ ...failed(2), latestInvoice: cycle(2, 'uncollectible') })).toBeUndefined()
    const { latestInvoice: _none, ...bare } = failed(2)
    expect(failedInvoiceOf(bare)).toBeUndefined()
    expect(liveOn(life, failed(2)).life.cases).toEqual({ in_2: 'open' })
  })

  it('have failed when their first charge was declined, or when they were due where the bank only asked', () => {
    const attempts = [declinedAttempt(50, { outcome: 'pending' }), declinedAttempt(70), declinedAttempt(90)]
    expect(firstFailureOf({ ...cycle(2, 'open'), finalizedAt: 40, attempts })).toBe(70)
    expect(firstFailureOf({ ...cycle(2, 'open'), finalizedAt: 40, attempts: [] })).toBe(40)
    expect(firstFailureOf(cycle(2, 'open'))).toBeUndefined()
  })
})

describe('the notice of a trial', () => {
  it('comes three days before its end, and only while it lasts', () => {
    const trial = knownAs({ status: 'trialing', trialEnd: 14 * DAY })
    expect(trialNoticeAt(trial)).toBe(11 * DAY)
    expect(trialNoticeAt({ ...trial, status: 'active' })).toBeUndefined()
    expect(trialNoticeAt(knownAs({ status: 'trialing' }))).toBeUndefined()
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
    const then = MONTH + 2 * HOUR
    expect(nextSubscriptionLook({ currentPeriodEnd: MONTH, owes: false, now: then })).toBe(then + DAY)
  })

  it('comes in a month while it is paused, whatever its period and what it owes', () => {
    for (const owes of [true, false])
      expect(nextSubscriptionLook({ status: 'paused', currentPeriodEnd: DAY, owes, now: 5 })).toBe(
        5 + 30 * DAY,
      )
  })

  it('comes right after an end that is fixed, and soon after what a test clock does at once', () => {
    const times = { currentPeriodEnd: MONTH, owes: false, now: 0 }
    expect(nextSubscriptionLook({ ...times, cancelAtPeriodEnd: true })).toBe(MONTH + HOUR)
    expect(nextSubscriptionLook({ ...times, slack: 60_000 })).toBe(MONTH + HOUR + 60_000)
    expect(nextSubscriptionLook({ ...times, cancelAtPeriodEnd: true, slack: 60_000 })).toBe(MONTH + 60_000)
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

  it('takes nothing as owed where there is no invoice', () => {
    const { latestInvoice: _none, ...bare } = seenIn(1)
    expect(owesMoney(bare)).toBe(false)
  })
})
