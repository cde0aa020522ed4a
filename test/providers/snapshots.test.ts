import type { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import {
  toCheckoutSnapshot,
  toInvoiceSnapshot,
  toSubscriptionSnapshot,
} from '../../providers/stripe/snapshots.ts'
import { invoiceSeen } from '../support/snapshots.ts'

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

  it('counts what was collected, not what a balance of the customer has covered, and its share of the tax', () => {
    const paid = {
      ...session,
      status: 'complete',
      payment_status: 'paid',
      total_details: { amount_tax: 900 },
      invoice: { id: 'in_1', total: 9_900, amount_paid: 3_300, total_taxes: [{ amount: 900 }] },
    } as Stripe.Checkout.Session
    expect(toCheckoutSnapshot(paid, undefined, [])).toMatchObject({ total: { amountMinor: 3_300 }, tax: 300 })
    const covered = { ...paid, invoice: { ...(paid.invoice as Stripe.Invoice), amount_paid: 0 } }
    // Which of the two Stripe calls it when nothing was left to charge makes no difference.
    for (const payment_status of ['paid', 'no_payment_required'] as const)
      expect(toCheckoutSnapshot({ ...covered, payment_status }, undefined, [])).toMatchObject({
        total: { amountMinor: 0 },
        tax: 0,
      })
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
    items: {
      data: [{ current_period_start: 10, current_period_end: 20, quantity: 2, price: { id: 'price_1' } }],
    },
    schedule: null,
    pending_update: null,
    ...seen,
  }) as unknown as Stripe.Subscription

const invoice = (seen: object = {}) =>
  ({
    id: 'in_2',
    status: 'open',
    billing_reason: 'subscription_cycle',
    amount_due: 9_900,
    amount_paid: 0,
    currency: 'brl',
    attempted: true,
    next_payment_attempt: 50,
    hosted_invoice_url: 'https://invoice.test/in_2',
    lines: { data: [{ period: { start: 5, end: 10 } }, { period: { start: 10, end: 20 } }] },
    status_transitions: { finalized_at: 30, paid_at: null },
    ...seen,
  }) as unknown as Stripe.Invoice

describe('what Stripe says of a subscription', () => {
  it('tells its period in milliseconds, what it sells, and what waits to change', () => {
    const latestInvoice = invoiceSeen()
    expect(toSubscriptionSnapshot(subscription(), latestInvoice)).toEqual({
      stripeSubscriptionId: 'sub_1',
      stripeCustomerId: 'cus_1',
      status: 'active',
      currentPeriodStart: 10_000,
      currentPeriodEnd: 20_000,
      cancelAtPeriodEnd: false,
      quantity: 2,
      priceId: 'price_1',
      hasPendingUpdate: false,
      latestInvoice,
    })
    const waiting = subscription({ schedule: 'sub_sched_1', pending_update: {}, trial_end: 7, ended_at: 8 })
    expect(toSubscriptionSnapshot(waiting, undefined)).toMatchObject({
      scheduleId: 'sub_sched_1',
      hasPendingUpdate: true,
      trialEnd: 7_000,
      endedAt: 8_000,
    })
  })

  it('tells of an invoice why it is there, what became of it, and whether Stripe goes on charging it', () => {
    expect(toInvoiceSnapshot(invoice())).toEqual({
      invoiceId: 'in_2',
      status: 'open',
      billingReason: 'subscription_cycle',
      amountDue: { amountMinor: 9_900, currency: 'brl' },
      amountPaid: { amountMinor: 0, currency: 'brl' },
      tax: 0,
      attempted: true,
      nextAttemptAt: 50_000,
      payUrl: 'https://invoice.test/in_2',
      period: { start: 10_000, end: 20_000 },
      finalizedAt: 30_000,
    })
    const paid = invoice({ status: 'paid', status_transitions: { finalized_at: 30, paid_at: 40 } })
    expect(toInvoiceSnapshot(paid)).toMatchObject({ status: 'paid', paidAt: 40_000 })
  })

  it.each([
    ['status', { status: 'dormant' }],
    ['period', { items: { data: [] } }],
  ])('is left to a person where its %s is none that we know', (_what, seen) => {
    expect(() => toSubscriptionSnapshot(subscription(seen), undefined)).toThrow(
      expect.objectContaining({ code: 'provider_refused' }),
    )
  })

  it('is left to a person where the status of its invoice is none that we know', () => {
    expect(() => toInvoiceSnapshot(invoice({ status: 'forgotten' }))).toThrow(
      expect.objectContaining({ code: 'provider_refused' }),
    )
  })
})
