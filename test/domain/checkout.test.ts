import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ChargeAttempt,
  type CheckoutOutcome,
  type CheckoutSnapshot,
  mayStillChange,
  nextLook,
  nextPaymentStatus,
  outcomeOf,
  type PaymentStatus,
  paymentStatuses,
} from '../../domain/checkout.ts'
import { currency, money } from '../../domain/money.ts'

const outcomes: CheckoutOutcome[] = ['payment_succeeded', 'payment_failed', 'session_expired']

describe('the status of a payment', () => {
  // The whole table: a status that an outcome does not change is written as itself.
  it.each<[PaymentStatus, PaymentStatus, PaymentStatus, PaymentStatus]>([
    ['pending', 'succeeded', 'failed', 'expired'],
    ['failed', 'succeeded', 'failed', 'failed'],
    ['expired', 'succeeded', 'expired', 'expired'],
    ['succeeded', 'succeeded', 'succeeded', 'succeeded'],
    ['refunded', 'refunded', 'refunded', 'refunded'],
    ['partially_refunded', 'partially_refunded', 'partially_refunded', 'partially_refunded'],
    ['held', 'held', 'held', 'held'],
  ])('%s becomes %s when paid, %s when declined, %s when abandoned', (status, ...expected) => {
    expect(outcomes.map((outcome) => nextPaymentStatus(status, outcome))).toEqual(expected)
  })

  it('may still change exactly where some outcome leads on', () => {
    for (const status of paymentStatuses)
      expect(mayStillChange(status)).toBe(
        outcomes.some((outcome) => nextPaymentStatus(status, outcome) !== status),
      )
  })

  it('never leaves money unrecorded: a payment that has not come in yet succeeds when it does', () => {
    for (const status of paymentStatuses.filter(mayStillChange))
      expect(nextPaymentStatus(status, 'payment_succeeded')).toBe('succeeded')
  })
})

const attempt = (outcome: ChargeAttempt['outcome'], index = 0): ChargeAttempt => ({
  stripeChargeId: `ch_${index}`,
  money: money(9900, currency('brl')),
  outcome,
  attemptedAt: index,
})
const snapshot = (seen: Partial<CheckoutSnapshot>): CheckoutSnapshot => ({
  session: 'open',
  payment: 'unpaid',
  settlement: 'none',
  total: money(9900, currency('brl')),
  attempts: [],
  ...seen,
})

describe('what a look at Stripe means', () => {
  it.each<[string, Partial<CheckoutSnapshot>, CheckoutOutcome | undefined]>([
    ['an open page decides nothing', {}, undefined],
    [
      'a declined card decides nothing while another may be tried',
      { attempts: [attempt('failed')] },
      undefined,
    ],
    [
      'a completed page that is paid is a success',
      { session: 'complete', payment: 'paid' },
      'payment_succeeded',
    ],
    [
      'a trial, for which nothing is due yet, is a success',
      { session: 'complete', payment: 'no_payment_required' },
      'payment_succeeded',
    ],
    ['money on its way decides nothing', { session: 'complete', settlement: 'processing' }, undefined],
    ['money that may still be sent decides nothing', { session: 'complete' }, undefined],
    [
      'money that did not arrive is a failure',
      { session: 'complete', settlement: 'failed' },
      'payment_failed',
    ],
    [
      'money that came by another try is a success',
      { session: 'complete', payment: 'paid', settlement: 'failed' },
      'payment_succeeded',
    ],
    ['a page nobody used has expired', { session: 'expired' }, 'session_expired'],
    [
      'a page that was left while a card was tried has expired',
      { session: 'expired', attempts: [attempt('pending')] },
      'session_expired',
    ],
    [
      'a page on which every card was declined has failed',
      { session: 'expired', attempts: [attempt('failed')] },
      'payment_failed',
    ],
  ])('%s', (_guarantee, seen, outcome) => {
    expect(outcomeOf(snapshot(seen))).toBe(outcome)
  })
})

const anySnapshot: fc.Arbitrary<CheckoutSnapshot> = fc
  .record({
    session: fc.constantFrom('open' as const, 'complete' as const, 'expired' as const),
    payment: fc.constantFrom('paid' as const, 'unpaid' as const, 'no_payment_required' as const),
    settlement: fc.constantFrom('none' as const, 'processing' as const, 'failed' as const),
    attempts: fc.array(fc.constantFrom('succeeded' as const, 'failed' as const, 'pending' as const), {
      maxLength: 3,
    }),
  })
  .map(({ attempts, ...seen }) => snapshot({ ...seen, attempts: attempts.map(attempt) }))

/** What many looks, one after the other, make of a payment. */
const look = (status: PaymentStatus, snapshots: CheckoutSnapshot[]): PaymentStatus =>
  snapshots.reduce((current, seen) => {
    const outcome = outcomeOf(seen)
    return outcome ? nextPaymentStatus(current, outcome) : current
  }, status)

describe('many looks', () => {
  it('never lead out of succeeded, whatever they show, in any order and number', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 20 }), (snapshots) => {
        expect(look('succeeded', snapshots)).toBe('succeeded')
      }),
    )
  })

  it('never move a payment that the checkout no longer decides about', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...paymentStatuses.filter((status) => !mayStillChange(status))),
        fc.array(anySnapshot),
        (status, snapshots) => {
          expect(look(status, snapshots)).toBe(status)
        },
      ),
    )
  })

  /** The lives a page can have at Stripe, in the order in which things happen there. */
  const lives = {
    paid: [
      snapshot({}),
      snapshot({ session: 'complete', payment: 'paid', attempts: [attempt('succeeded')] }),
    ],
    'declined, then paid': [
      snapshot({}),
      snapshot({ attempts: [attempt('failed')] }),
      snapshot({
        session: 'complete',
        payment: 'paid',
        attempts: [attempt('failed'), attempt('succeeded', 1)],
      }),
    ],
    'paid by slow money': [
      snapshot({}),
      snapshot({ session: 'complete', settlement: 'processing' }),
      snapshot({ session: 'complete', payment: 'paid' }),
    ],
    'paid after slow money had failed': [
      snapshot({ session: 'complete', settlement: 'processing' }),
      snapshot({ session: 'complete', settlement: 'failed' }),
      snapshot({ session: 'complete', payment: 'paid' }),
    ],
    'slow money that never came': [
      snapshot({}),
      snapshot({ session: 'complete', settlement: 'processing' }),
      snapshot({ session: 'complete', settlement: 'failed' }),
    ],
    declined: [
      snapshot({}),
      snapshot({ attempts: [attempt('failed')] }),
      snapshot({ session: 'expired', attempts: [attempt('failed')] }),
    ],
    abandoned: [snapshot({}), snapshot({ session: 'expired' })],
    'free of charge': [snapshot({}), snapshot({ session: 'complete', payment: 'no_payment_required' })],
  }

  it.each(Object.entries(lives))(
    'end a payment that was %s as the last truth says, in every order and with repetitions',
    (_name, moments) => {
      const truth = look('pending', moments)
      expect(truth).not.toBe('pending')
      fc.assert(
        fc.property(
          fc.shuffledSubarray([...moments, ...moments, ...moments], { minLength: moments.length * 3 }),
          (looks) => {
            expect(look('pending', looks)).toBe(truth)
          },
        ),
      )
    },
  )

  it.each(Object.entries(lives))(
    'end a payment that was %s as the last truth says, however many of them were missed',
    (_name, moments) => {
      fc.assert(
        fc.property(fc.subarray(moments.slice(0, -1)), (seen) => {
          expect(look('pending', [...seen, ...moments.slice(-1)])).toBe(look('pending', moments))
        }),
      )
    },
  )
})

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('the next look', () => {
  const times = fc.record({
    openedAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    lifetime: fc.integer({ min: -DAY, max: 30 * DAY }),
    elapsed: fc.integer({ min: -DAY, max: 100 * DAY }),
  })

  it('is in the future, or there is none', () => {
    fc.assert(
      fc.property(times, ({ openedAt, lifetime, elapsed }) => {
        const now = openedAt + elapsed
        const next = nextLook({ openedAt, expiresAt: openedAt + lifetime, now })
        expect(next === undefined || next > now).toBe(true)
      }),
    )
  })

  it('comes a bounded number of times, then a person is asked', () => {
    fc.assert(
      fc.property(times, ({ openedAt, lifetime }) => {
        const expiresAt = openedAt + lifetime
        let looks = 0
        let next = nextLook({ openedAt, expiresAt, now: openedAt })
        while (next !== undefined && looks < 100) {
          looks += 1
          next = nextLook({ openedAt, expiresAt, now: next })
        }
        expect(next).toBeUndefined()
        // Four after the opening, one after the end, and one a day for the thirty days in which money may settle.
        expect(looks).toBeLessThanOrEqual(36)
      }),
    )
  })

  it('comes soon after the opening and right after the end of a page', () => {
    const looks: number[] = []
    const openedAt = 0
    for (let now: number | undefined = 0; now !== undefined && now <= DAY;) {
      now = nextLook({ openedAt, expiresAt: DAY, now })
      if (now !== undefined) looks.push(now)
    }
    expect(looks).toEqual([2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY + MINUTE])
  })

  it('comes right after the end of a page that lives for half an hour, not when a longer one would be looked at', () => {
    expect(nextLook({ openedAt: 0, expiresAt: 30 * MINUTE, now: 10 * MINUTE })).toBe(31 * MINUTE)
  })

  it('comes daily once the page has ended, for as long as slow money may settle, and then no more', () => {
    const ended = DAY + MINUTE
    const next = (now: number) => nextLook({ openedAt: 0, expiresAt: DAY, now })
    expect(next(ended)).toBe(ended + DAY)
    expect(next(ended + 30 * DAY - 1)).toBe(ended + 31 * DAY - 1)
    expect(next(ended + 30 * DAY)).toBeUndefined()
  })

  it('is not delayed by whoever looks in between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DAY }), fc.integer({ min: 0, max: DAY }), (one, other) => {
        const [earlier, later] = [Math.min(one, other), Math.max(one, other)]
        const planned = nextLook({ openedAt: 0, expiresAt: DAY, now: earlier }) ?? 0
        fc.pre(planned > later)
        expect(nextLook({ openedAt: 0, expiresAt: DAY, now: later })).toBe(planned)
      }),
    )
  })
})
