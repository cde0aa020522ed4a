import type { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { toCheckoutSnapshot } from '../../providers/stripe/snapshots.ts'

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
