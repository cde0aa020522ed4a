import { Client, Connection } from '@temporalio/client'
import type { Stack } from '../../local/stack-file.ts'
import { createCheckoutClient } from '../../test/support/checkout-client.ts'
import { eventually } from '../../test/support/eventually.ts'
import { cards, createLocalStripe } from '../../test/support/local-stripe.ts'
import type { WorkflowState } from '../../workflows/messages.ts'
import { makeClock, type SubscriptionShown, type TimelineEntry } from '../../test/support/test-clock.ts'

/** A project with customers in all the trouble that the pictures show. */
export type Acme = Awaited<ReturnType<typeof openAcme>>

const plan = { currency: 'brl', interval: 'month' }
const sells = {
  name: 'Acme',
  currency: 'brl',
  plans: [
    { ...plan, id: 'pro', name: 'Pro', amount: 9_900, roles: ['pro'] },
    {
      ...plan,
      id: 'enterprise',
      name: 'Enterprise',
      amount: 49_900,
      roles: ['pro', 'enterprise'],
      dunning: { on_exhausted: 'pause' },
    },
  ],
}

export async function openAcme(stack: Stack) {
  const { api_url: apiUrl, operator_key: operatorKey, stripe_api_base: stripeApiBase } = stack
  const operator = createCheckoutClient({ apiUrl, apiKey: operatorKey })
  const { body } = await operator.call('POST', '/api/v1/projects', { body: sells })
  const client = createCheckoutClient({ apiUrl, apiKey: String(body.api_key) })
  const stripe = createLocalStripe(stripeApiBase)
  // As docs/deployment.md asks of a Stripe account: Quittance alone retries.
  await fetch(`${stripeApiBase}/_local/settings`, {
    method: 'POST',
    body: JSON.stringify({ retry_days: [] }),
  })
  const connection = await Connection.connect({ address: stack.temporal_address })
  const temporal = new Client({ connection, namespace: stack.temporal_namespace })

  const state = (workflowId: string): Promise<WorkflowState> =>
    temporal.workflow.getHandle(workflowId).query<WorkflowState>('state')
  const read = async (id: string): Promise<SubscriptionShown> =>
    (await client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown

  async function subscribe(userId: string, planId: string): Promise<SubscriptionShown> {
    const page = await client.openPayment({ user_id: userId, plan_id: planId })
    await stripe.pay(page.checkout_session_id)
    return eventually(`${userId} has a subscription`, async () => {
      const { subscriptions } = await client.access(userId)
      return (subscriptions as unknown as SubscriptionShown[]).find(({ status }) => status === 'active')
    })
  }

  return {
    client,
    stripe,
    subscribe,

    /** A customer whose invoice could not be charged, in real time: a new period begins at once. */
    async fail(userId: string, planId: string, card = cards.insufficientFunds) {
      const { subscription_id: id, stripe_subscription_id: stripeId } = await subscribe(userId, planId)
      await stripe.changeCard(stripeId, card)
      await stripe.sdk.subscriptions.update(stripeId, {
        billing_cycle_anchor: { type: 'now' },
        proration_behavior: 'none',
        payment_behavior: 'allow_incomplete',
      })
      const { dunning } = await eventually(`${userId} is past due`, async () => {
        const shown = await read(id)
        return shown.dunning && shown
      })
      const workflowId = `dunning/${dunning?.invoice_id}`
      await eventually('its case waits', async () => (await state(workflowId)).until)
      return { subscriptionId: id, stripeId, workflowId }
    },

    /** A customer on a test clock of their own. */
    async onClock(userId: string, frozenTime: string) {
      const clock = await makeClock({ client, stripe }, frozenTime)
      const { subscription_id: subscriptionId } = await clock.subscribe(userId)
      const startAdvance = (time: string) =>
        client.call('POST', `/api/v1/test-clocks/${clock.clockId}/advance`, { body: { frozen_time: time } })
      return { subscriptionId, workflowId: `testClock/${clock.clockId}`, startAdvance }
    },

    /** What an operator sends from Temporal UI. */
    update: (workflowId: string, name: string, request: object) =>
      temporal.workflow.getHandle(workflowId).executeUpdate(name, { args: [request] }),
    state,
    describe: (workflowId: string) => temporal.workflow.getHandle(workflowId).describe(),

    async timeline(subscriptionId: string): Promise<TimelineEntry[]> {
      const { body: page } = await client.call('GET', `/api/v1/subscriptions/${subscriptionId}/timeline`)
      return page.data as TimelineEntry[]
    },

    close: () => connection.close(),
  }
}
