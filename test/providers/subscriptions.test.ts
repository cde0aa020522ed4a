import type { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { subscriptions } from '../../providers/stripe/subscriptions.ts'

/** Stripe refuses to cancel, and shows these statuses one after the other. */
function refusing(...statuses: string[]): Stripe {
  return {
    subscriptions: {
      retrieve: async () => ({ status: statuses.shift() }),
      cancel: async () => Promise.reject(new Error('refused')),
    },
  } as unknown as Stripe
}

describe('canceling a subscription', () => {
  it('is done when a first try has done it, though its answer was lost and the second is refused', async () => {
    await expect(subscriptions(refusing('active', 'canceled')).cancelNow('sub_1')).resolves.toBeUndefined()
  })

  it('fails when Stripe refuses it and it goes on', async () => {
    await expect(subscriptions(refusing('active', 'active')).cancelNow('sub_1')).rejects.toThrow('refused')
  })
})
