import { eventually } from './eventually.ts'
import type { CheckoutClient } from './checkout-client.ts'
import { cards, type LocalStripe } from './local-stripe.ts'

export interface AttemptShown {
  at: string
  trigger: string
  outcome: string
  decline_code?: string
}

export interface CaseShown {
  invoice_id: string
  status: string
  failed_at: string
  attempts: AttemptShown[]
  next_retry_at: string | null
  grace_until: string
  policy_version: number
  pay_url?: string
}

export interface SubscriptionShown {
  subscription_id: string
  user_id: string
  plan_id: string
  quantity: number
  status: string
  has_access: boolean
  roles: string[]
  current_period_start: string
  current_period_end: string
  cancel_at_period_end: boolean
  pending_change?: { plan_id: string; when: string; at: string; pay_url?: string }
  trial_end?: string
  paused_until?: string
  dunning?: CaseShown
  dunning_cases: CaseShown[]
  stripe_subscription_id: string
}

export interface TimelineEntry {
  at: string
  what: string
  why: string
  by: string
  event_id?: string
  policy_version?: number
  amount?: number
}

/** A test clock of a project, as an integrator plays with it over the API. */
export interface PlayedClock {
  clockId: string
  /** Moves the clock and waits until all have settled. */
  advanceTo(time: string | number): Promise<void>
  /** A user on the clock who has bought a plan and whose subscription runs. */
  subscribe(
    userId: string,
    planId?: string,
    options?: { card?: string; quantity?: number },
  ): Promise<SubscriptionShown>
}

export async function makeClock(
  { client, stripe }: { client: CheckoutClient; stripe: LocalStripe },
  frozenTime: string,
): Promise<PlayedClock> {
  const made = await client.call('POST', '/api/v1/test-clocks', { body: { frozen_time: frozenTime } })
  if (made.status !== 201) throw new Error(`no clock: ${made.status} ${JSON.stringify(made.body)}`)
  const clockId = String(made.body.id)
  return {
    clockId,

    async advanceTo(time) {
      const frozen_time = new Date(time).toISOString()
      const { status, body } = await client.call('POST', `/api/v1/test-clocks/${clockId}/advance`, {
        body: { frozen_time },
      })
      if (status !== 200) throw new Error(`the clock does not move: ${status} ${JSON.stringify(body)}`)
      await eventually(
        `clock ${clockId} is ready at ${frozen_time}`,
        async () => {
          const answer = await client.call('GET', `/api/v1/test-clocks/${clockId}`)
          if (answer.body.status === 'ready') return true
          throw new Error(JSON.stringify(answer.body))
        },
        { within_ms: 120_000, every_ms: 50 },
      )
    },

    async subscribe(userId, planId = 'pro', { card = cards.good, quantity = 1 } = {}) {
      const payment = await client.openPayment({
        user_id: userId,
        email: `${userId}@example.test`,
        plan_id: planId,
        quantity,
        test_clock_id: clockId,
      })
      await stripe.pay(payment.checkout_session_id, card)
      return eventually(
        `${userId} has a subscription`,
        async () => {
          const { subscriptions } = await client.access(userId)
          const shown = subscriptions as unknown as SubscriptionShown[]
          return shown.find(({ status }) => status === 'active' || status === 'trialing')
        },
        { within_ms: 30_000, every_ms: 50 },
      )
    },
  }
}

/** `start` plus days and hours. */
export function later(start: string | number, days: number, hours = 0): string {
  return new Date(new Date(start).getTime() + (days * 24 + hours) * 3_600_000).toISOString()
}
