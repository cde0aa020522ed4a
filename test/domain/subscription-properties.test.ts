import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type InvoiceSnapshot,
  nextSubscriptionStatus,
  type SubscriptionSnapshot,
  type SubscriptionStatus,
} from '../../domain/subscription.ts'
import { invoiceSeen } from '../support/snapshots.ts'
import { cycle, live, look, seenIn, sold } from './subscription-lives.ts'

const stripeStatuses: SubscriptionSnapshot['status'][] = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'canceled',
  'unpaid',
  'paused',
]

/** Anything, also what Stripe would hardly show. */
const anySnapshot: fc.Arbitrary<SubscriptionSnapshot> = fc
  .record({
    period: fc.integer({ min: 1, max: 4 }),
    status: fc.constantFrom(...stripeStatuses),
    cancelAtPeriodEnd: fc.boolean(),
    quantity: fc.integer({ min: 1, max: 2 }),
    invoice: fc.option(
      fc.record({
        number: fc.integer({ min: 1, max: 5 }),
        status: fc.constantFrom<InvoiceSnapshot['status']>('draft', 'open', 'paid', 'uncollectible', 'void'),
        billingReason: fc.constantFrom('subscription_create', 'subscription_cycle', 'subscription_update'),
      }),
    ),
  })
  .map(({ period, invoice: seen, ...rest }) => {
    const { latestInvoice: _, ...bare } = seenIn(period, rest)
    return seen ? { ...bare, latestInvoice: invoiceSeen({ invoiceId: `in_${seen.number}`, ...seen }) } : bare
  })

describe('any sequence of looks', () => {
  it('comes to rest: what was recorded of a look gives nothing new when looked at again', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 12 }), (moments) => {
        let life = sold()
        for (const seen of moments) {
          const looked = look(life, seen)
          expect(looked.told.length).toBeLessThanOrEqual(3)
          expect(look(looked.life, seen).told).toEqual([])
          life = looked.life
        }
      }),
    )
  })

  it('takes only changes that the table knows', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 12 }), (moments) => {
        let life = sold()
        for (const seen of moments) {
          const looked = look(life, seen)
          let status: SubscriptionStatus | undefined = life.known.status
          for (const { change, status: decided } of looked.told) {
            if (change && status) status = nextSubscriptionStatus(status, change)
            expect(decided).toBe(status)
          }
          life = looked.life
        }
      }),
    )
  })

  it('tells the same story when each look is repeated', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 12 }), (moments) => {
        const twice = moments.flatMap((seen) => [seen, seen])
        expect(live(...twice)).toEqual(live(...moments))
      }),
    )
  })

  it('never comes back from canceled, and never enters a payment afterwards', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot), (moments) => {
        const { life } = look(sold(), seenIn(1, { status: 'canceled' }))
        for (const seen of moments) expect(look(life, seen).told).toEqual([])
      }),
    )
  })

  it('renews and recovers by money only', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 12 }), (moments) => {
        let life = sold()
        for (const seen of moments) {
          const looked = look(life, seen)
          for (const { change, paidInvoice } of looked.told) {
            expect(change !== 'renewed' || paidInvoice?.billingReason === 'subscription_cycle').toBe(true)
            expect(paidInvoice === undefined || paidInvoice.status === 'paid').toBe(true)
          }
          life = looked.life
        }
      }),
    )
  })
})

/** A life as Stripe leads it, period by period, with all the moments at which one may look. */
const anyLife = fc
  .array(
    fc.record({
      fails: fc.boolean(),
      togglesEnd: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((periods) =>
    periods.map(({ fails, togglesEnd }, index) => {
      const period = index + 2
      const paid = seenIn(period, { latestInvoice: cycle(period, 'paid') })
      return [
        seenIn(period, { latestInvoice: cycle(period, 'draft') }),
        ...(fails ? [seenIn(period, { status: 'past_due', latestInvoice: cycle(period, 'open') })] : []),
        paid,
        ...(togglesEnd ? [{ ...paid, cancelAtPeriodEnd: true }, paid] : []),
      ]
    }),
  )

describe('the money of renewals', () => {
  it('is entered once for each period that was looked at after it was paid, whenever the looks came', () => {
    fc.assert(
      fc.property(
        anyLife.chain((life) =>
          fc.tuple(
            fc.constant(life),
            // In each period any moments are looked at, and its last one surely: the deadline sees to that.
            fc.tuple(...life.map((moments) => fc.subarray(moments.slice(0, -1)))),
          ),
        ),
        ([life, looks]) => {
          const moments = life.flatMap((period, index) => [...(looks[index] ?? []), ...period.slice(-1)])
          const { story, status } = live(seenIn(1), ...moments)
          const entered = story.flatMap((line) => /in_\d+/.exec(line)?.[0] ?? [])
          expect(entered).toEqual(life.map((_, index) => `in_${index + 2}`))
          expect(status).toBe('active')
        },
      ),
    )
  })
})
