import type { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { toCheckoutSnapshot, toSubscriptionSnapshot } from '../../providers/stripe/snapshots.ts'

const session = {
  id: 'cs_1',
  status: 'expired',
  payment_status: 'unpaid',
  amount_total: 9_900,
  currency: 'brl',
} as Stripe.Checkout.Session

const declined = (id: string, created: number) =>
  ({ id, created, amount: 9_900, currency: 'brl', status: 'failed', outcome: null }) as Stripe.Charge

describe('what Stripe says of a checkout', () => {
  it('tells the attempts in their order, also those of one second', () => {
    const newestFirst = [declined('ch_1', 8), declined('ch_3', 7), declined('ch_2', 7), declined('ch_4', 7)]
    const { attempts } = toCheckoutSnapshot(session, undefined, newestFirst)
    expect(attempts.map(({ stripeChargeId }) => stripeChargeId)).toEqual(['ch_4', 'ch_2', 'ch_3', 'ch_1'])
  })
})

const subscription = (seen: object = {}) =>
  ({
    id: 'sub_1',
    customer: 'cus_1',
    status: 'active',
    cancel_at_period_end: false,
    trial_end: null,
    ended_at: null,
    items: { data: [{ current_period_start: 10, current_period_end: 20, quantity: 2 }] },
    latest_invoice: {
      id: 'in_2',
      status: 'draft',
      billing_reason: 'subscription_cycle',
      amount_paid: 0,
      currency: 'brl',
    },
    ...seen,
  }) as unknown as Stripe.Subscription

describe('what Stripe says of a subscription', () => {
  it('tells its period in milliseconds, and why there is an invoice and what became of it', () => {
    expect(toSubscriptionSnapshot(subscription())).toMatchObject({
      currentPeriodStart: 10_000,
      currentPeriodEnd: 20_000,
      quantity: 2,
      latestInvoice: {
        invoiceId: 'in_2',
        status: 'draft',
        billingReason: 'subscription_cycle',
        amountPaid: { amountMinor: 0, currency: 'brl' },
      },
    })
  })

  it.each([
    ['status', { status: 'dormant' }],
    [
      'invoice status',
      { latest_invoice: { id: 'in_1', status: 'forgotten', amount_paid: 0, currency: 'brl' } },
    ],
    ['period', { items: { data: [] } }],
  ])('is left to a person where its %s is none that we know', (_what, seen) => {
    expect(() => toSubscriptionSnapshot(subscription(seen))).toThrow(
      expect.objectContaining({ code: 'provider_refused' }),
    )
  })
})
