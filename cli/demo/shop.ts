import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from './api.ts'
import { DemoFailure } from './failure.ts'
import { cards, type LocalStripe } from './local-stripe.ts'

/** A project of this run's own, so that the demo can be played again and again. */
export interface Project {
  projectId: string
  apiKey: string
}

export interface Subscription {
  subscription_id: string
  plan_id: string
  status: string
  has_access: boolean
  roles: string[]
  current_period_end: string
  pending_change?: { plan_id: string; at: string }
  dunning?: {
    invoice_id: string
    status: string
    failed_at: string
    attempts: { at: string; trigger: string; outcome: string }[]
    next_retry_at: string | null
    grace_until: string
  }
}

export interface TimelineEntry {
  at: string
  what: string
  why: string
  by: string
  amount?: number
  currency?: string
}

export interface Preview {
  amount_due: number
  currency: string
  lines: { description: string; amount: number }[]
}

/** What a customer's checkout answered. */
export interface Checkout {
  checkout_session_id: string
  checkout_url: string
}

const monthly = { currency: 'brl', interval: 'month' }
const catalog = {
  currency: 'brl',
  plans: [
    { ...monthly, id: 'pro', name: 'Pro', amount: 9_900, roles: ['pro'] },
    { ...monthly, id: 'enterprise', name: 'Enterprise', amount: 49_900, roles: ['pro', 'enterprise'] },
  ],
}

export async function registerProject(operator: Api, apiUrl: string): Promise<Project> {
  const name = `Demo of ${new Date().toISOString().slice(0, 16).replace('T', ' ')}`
  // Customers return to the shop after paying; the demo has none.
  const returnUrls = { success_url: `${apiUrl}/docs`, cancel_url: `${apiUrl}/docs` }
  const { project_id: projectId, api_key: apiKey } = await operator.post<{
    project_id: string
    api_key: string
  }>('/projects', { name, ...catalog, ...returnUrls })
  return { projectId, apiKey }
}

/** Who buys, with a test clock of their own. */
export interface Customer {
  userId: string
  email: string
  startCheckout(planId: string): Promise<Checkout>
  /** Pays on the page, and waits until the subscription runs. */
  pay(checkout: Checkout): Promise<Subscription>
  changeCard(card: string): Promise<void>
  /** Moves the clock, and waits until Stripe and every workflow on it have lived through the time. */
  advanceTo(time: string | number): Promise<void>
  read(): Promise<Subscription>
  ask<Answer>(what: string, body: object): Promise<Answer>
  timeline(): Promise<TimelineEntry[]>
}

/** A month of 30 days begins here, so that half of it is 15; always in the coming year. */
export const start = `${new Date().getUTCFullYear() + 1}-04-10T12:00:00.000Z`

/** `start` plus days and hours. */
export const later = (time: string, days: number, hours = 0): string =>
  new Date(Date.parse(time) + (days * 24 + hours) * 3_600_000).toISOString()

/** How long a clock or a payment may take on a machine that has much else to do. */
const PATIENCE_MS = 120_000

export async function welcomeCustomer(
  { api, stripe }: { api: Api; stripe: LocalStripe },
  { userId, email }: { userId: string; email: string },
): Promise<Customer> {
  const { id: clockId } = await api.post<{ id: string }>('/test-clocks', { frozen_time: start })
  let stripeCustomer = ''
  let subscriptionId = ''
  const read = () => api.get<Subscription>(`/subscriptions/${subscriptionId}`)
  return {
    userId,
    email,
    startCheckout: (planId) =>
      api.post<Checkout>('/payments', { user_id: userId, email, plan_id: planId, test_clock_id: clockId }),
    async pay({ checkout_session_id: sessionId }) {
      stripeCustomer = await stripe.pay(sessionId, cards.good)
      const running = await eventually(`the subscription of ${userId} runs`, async () => {
        const { subscriptions } = await api.get<{ subscriptions: Subscription[] }>(`/subscriptions/${userId}`)
        return subscriptions.find(({ status }) => status === 'active')
      })
      subscriptionId = running.subscription_id
      return running
    },
    changeCard: (card) => stripe.changeCard(stripeCustomer, card),
    async advanceTo(time) {
      await api.post(`/test-clocks/${clockId}/advance`, { frozen_time: new Date(time).toISOString() })
      await eventually(`the clock of ${userId} is ready`, async () => {
        const { status } = await api.get<{ status: string }>(`/test-clocks/${clockId}`)
        return status === 'ready' || undefined
      })
    },
    read,
    ask: (what, body) => api.post(`/subscriptions/${subscriptionId}/${what}`, body),
    timeline: async () =>
      (await api.get<{ data: TimelineEntry[] }>(`/subscriptions/${subscriptionId}/timeline`)).data,
  }
}

async function eventually<Answer>(what: string, ask: () => Promise<Answer | undefined>): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline)
      throw new DemoFailure(
        `Not within ${PATIENCE_MS / 1_000} s: ${what}. Temporal UI shows what its workflows wait for.`,
      )
    await sleep(100)
  }
}
