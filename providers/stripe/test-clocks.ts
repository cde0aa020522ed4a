import { setTimeout as sleep } from 'node:timers/promises'
import type { Stripe } from 'stripe'
import { BillingError } from '../../domain/errors.ts'
import type { PaymentProvider } from '../../domain/provider.ts'

/** Stripe's test clocks: https://docs.stripe.com/billing/testing/test-clocks */
export function testClocks(
  stripe: Stripe,
): Pick<PaymentProvider, 'createTestClock' | 'findTestClock' | 'advanceTestClock'> {
  const { testClocks: clocks } = stripe.testHelpers
  return {
    async createTestClock({ clockId, frozenTime }, effectKey) {
      const clock = await clocks.create(
        { frozen_time: Math.floor(frozenTime / 1000), name: clockId },
        { idempotencyKey: effectKey },
      )
      return clock.id
    },

    async findTestClock(clockId) {
      for await (const clock of clocks.list({ limit: 100 })) {
        if (clock.name === clockId) return clock.id
      }
      return undefined
    },

    async advanceTestClock({ providerClockId, to, onProgress }) {
      const frozen_time = Math.floor(to / 1000)
      let clock = await clocks.retrieve(providerClockId)
      if (clock.status !== 'advancing' && clock.frozen_time < frozen_time)
        clock = await clocks.advance(providerClockId, { frozen_time })
      // Stripe takes a minute or so, the local one a moment.
      for (let round = 0; clock.status === 'advancing'; round += 1) {
        onProgress()
        await sleep(Math.min(10 * 2 ** round, 2_000))
        clock = await clocks.retrieve(providerClockId)
      }
      if (clock.status !== 'ready')
        throw new BillingError('provider_refused', {
          detail: `Stripe could not advance test clock ${providerClockId}: it says ${clock.status}.`,
        })
    },
  }
}
