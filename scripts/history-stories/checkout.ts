import { type Client, WithStartWorkflowOperation } from '@temporalio/client'
import { type Connections, inProject } from '../../db/client.ts'
import { deriveId } from '../../db/mint-id.ts'
import { readPlan, toPlan } from '../../db/catalog.ts'
import { acceptPayment, type PaymentRow } from '../../db/payments.ts'
import type { ChargeAttempt, CheckoutSnapshot } from '../../domain/checkout.ts'
import type { ProjectId, SubscriptionId } from '../../domain/ids.ts'
import type { SubscriptionSnapshot } from '../../domain/subscription.ts'
import { catalogStart, checkoutStart, subscriptionStart } from '../../inbox/starts.ts'
import { eventually } from '../../test/support/eventually.ts'
import { brl, invoiceSeen, subscriptionSeen } from '../../test/support/snapshots.ts'
import { subscriptionWorkflowId } from '../../workflows/ids.ts'
import { catalogPublished, openSession, retry, skip, state, stripeChanged } from '../../workflows/messages.ts'
import { DAY, OPENED_AT, type World } from '../history-world.ts'
import { parked, type RecordedRun, request, rested, wake } from './telling.ts'

/** Checkouts and the subscriptions they sell, with real records and a provider that keeps to a script. */

const MONTH = 30 * DAY

export interface Stage {
  name: string
  client: Client
  world: World
  projectId: ProjectId
  connections: Connections
}
const attempt = (outcome: ChargeAttempt['outcome']): ChargeAttempt => ({
  stripeChargeId: `ch_${outcome}`,
  money: brl(9900),
  outcome,
  ...(outcome === 'failed' && { declineCode: 'insufficient_funds' }),
  attemptedAt: OPENED_AT,
})
const open: CheckoutSnapshot = {
  session: 'open',
  payment: 'unpaid',
  settlement: 'none',
  total: brl(9900),
  attempts: [],
}
const paid: CheckoutSnapshot = {
  ...open,
  session: 'complete',
  payment: 'paid',
  attempts: [attempt('succeeded')],
}
const declined: CheckoutSnapshot = { ...open, attempts: [attempt('failed')] }

const seenIn = (period: number, seen: Partial<SubscriptionSnapshot>): SubscriptionSnapshot =>
  subscriptionSeen({
    stripeSubscriptionId: 'sub_recorded',
    currentPeriodStart: OPENED_AT + (period - 1) * MONTH,
    currentPeriodEnd: OPENED_AT + period * MONTH,
    latestInvoice: invoiceSeen({
      invoiceId: `in_${period}`,
      billingReason: period === 1 ? 'subscription_create' : 'subscription_cycle',
    }),
    ...seen,
  })

/** A payment accepted as the API accepts one, and its checkout begun as the API begins it. */
async function begin(stage: Stage, buys: 'amount' | 'plan' = 'amount') {
  const payment = await accept(stage, buys)
  const operation = new WithStartWorkflowOperation('checkout', checkoutStart(payment))
  const opened = stage.client.workflow.executeUpdateWithStart(openSession, {
    startWorkflowOperation: operation,
    updateId: 'open-session',
  })
  return { payment, opened, handle: await operation.workflowHandle() }
}

function accept({ name, connections, projectId }: Stage, buys: 'amount' | 'plan'): Promise<PaymentRow> {
  return inProject(connections.application, projectId, async (transaction) => {
    const plan = await readPlan(transaction, { projectId, planId: 'pro', version: 1 })
    return acceptPayment(transaction, {
      projectId,
      paymentId: deriveId('pay', 'recorded', name),
      subscriptionId: buys === 'plan' ? deriveId('sbs', 'recorded', name) : undefined,
      userId: 'user-1',
      email: undefined,
      livemode: false,
      clockId: undefined,
      purchase:
        buys === 'plan'
          ? { kind: 'plan', plan: toPlan(plan), quantity: 1 }
          : { kind: 'amount', description: 'A thing', price: brl(9900), quantity: 1 },
      successUrl: 'https://example.com/done',
      cancelUrl: 'https://example.com/cancel',
      metadata: {},
      correlationId: 'recorded',
      actor: 'key_recorded',
    })
  })
}

async function checkoutStory(
  stage: Stage,
  story: (begun: Awaited<ReturnType<typeof begin>>) => Promise<unknown>,
): Promise<RecordedRun[]> {
  const begun = await begin(stage)
  await story(begun)
  await begun.handle.result()
  return [{ name: stage.name, workflowId: begun.handle.workflowId }]
}

export const checkoutStories: Record<string, (stage: Stage) => Promise<RecordedRun[]>> = {
  'checkout-paid': (stage) =>
    checkoutStory(stage, async ({ opened, handle }) => {
      await opened
      stage.world.show({ checkout: paid })
      await wake(handle, 'evt_1')
    }),

  'checkout-declined-then-expired': (stage) =>
    checkoutStory(stage, async ({ opened, handle }) => {
      await opened
      stage.world.show({ checkout: declined })
      await wake(handle, 'evt_1')
      await rested(handle)
      await wake(handle, 'evt_1') // A repetition, which wakes nobody.
      await rested(handle)
      stage.world.show({ checkout: { ...declined, session: 'expired' } })
      await wake(handle, 'evt_2')
    }),

  'checkout-refused': (stage) => {
    stage.world.fail('openCheckout', 'stored_refusal')
    return checkoutStory(stage, ({ opened }) => Promise.allSettled([opened]))
  },

  'checkout-parked-and-retried': (stage) =>
    checkoutStory(stage, async ({ opened, handle }) => {
      await opened
      stage.world.show({ checkout: paid })
      stage.world.troubles.stripeForgot = true
      await wake(handle, 'evt_1')
      await parked(handle)
      stage.world.troubles.stripeForgot = false
      await handle.executeUpdate(retry, { args: [request] })
    }),

  'checkout-unsettled-and-skipped': (stage) => {
    stage.world.openAt(OPENED_AT - 3650 * DAY)
    return checkoutStory(stage, async ({ opened, handle }) => {
      await opened
      await parked(handle)
      await handle.executeUpdate(skip, { args: [request] })
    })
  },

  'checkout-without-database': (stage) =>
    checkoutStory(stage, async ({ opened, handle }) => {
      await opened
      stage.world.show({ checkout: paid })
      stage.world.troubles.databaseAway = true
      await wake(handle, 'evt_1')
      await eventually('the record waits as an ordinary activity', async () => {
        const { raw } = await handle.describe()
        return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'recordCheckout')
      })
      stage.world.troubles.databaseAway = false
    }),

  async 'checkout-paid-after-its-end'(stage) {
    const { payment, opened, handle } = await begin(stage)
    await opened
    stage.world.show({ checkout: { ...declined, session: 'expired' } })
    await wake(handle, 'evt_1')
    await handle.result()
    stage.world.show({ checkout: paid })
    const again = await stage.client.workflow.signalWithStart('checkout', {
      ...checkoutStart(payment),
      signal: stripeChanged,
      signalArgs: [{ eventId: 'evt_2', objectId: 'recorded' }],
    })
    await again.result()
    return [{ name: stage.name, workflowId: again.workflowId }]
  },

  async 'checkout-that-adopts-its-subscription'(stage) {
    const { payment, opened, handle } = await begin(stage, 'plan')
    await opened
    const stripeSubscriptionId = 'sub_adopted'
    const latestInvoice = invoiceSeen({ invoiceId: 'in_adopted', billingReason: 'subscription_create' })
    const sold = seenIn(1, { stripeSubscriptionId, latestInvoice })
    stage.world.show({
      checkout: { ...paid, stripeSubscriptionId, stripeInvoiceId: 'in_adopted' },
      subscription: sold,
    })
    const subscription = await stage.client.workflow.start(
      'subscription',
      subscriptionStart({
        ...payment,
        subscriptionId: subscriptionOf(payment),
        stripeSubscriptionId,
        status: 'incomplete',
        clockId: null,
      }),
    )
    await rested(subscription)
    await wake(handle, 'evt_1')
    await handle.result()
    stage.world.show({ subscription: { ...sold, status: 'canceled', endedAt: OPENED_AT } })
    await wake(subscription, 'evt_2')
    await subscription.result()
    return [{ name: stage.name, workflowId: handle.workflowId }]
  },

  async subscription(stage) {
    const { payment, opened, handle } = await begin(stage, 'plan')
    await opened
    stage.world.show({
      checkout: { ...paid, stripeSubscriptionId: 'sub_recorded', stripeInvoiceId: 'in_1' },
      subscription: seenIn(1, {}),
    })
    await wake(handle, 'evt_1')
    await handle.result()

    const subscription = stage.client.workflow.getHandle(subscriptionWorkflowId(subscriptionOf(payment)))
    await rested(subscription)
    stage.world.show({ subscription: seenIn(1, { cancelAtPeriodEnd: true }) })
    await wake(subscription, 'evt_2')
    await rested(subscription)
    const first = (await subscription.describe()).runId
    stage.world.show({ subscription: seenIn(2, {}) })
    await wake(subscription, 'evt_3')
    const second = await eventually('the next run', async () => {
      const { runId } = await subscription.describe()
      return runId !== first && runId
    })
    await rested(subscription)
    stage.world.show({ subscription: seenIn(2, { status: 'canceled', endedAt: OPENED_AT }) })
    await wake(subscription, 'evt_4')
    await subscription.result()
    const { workflowId } = subscription
    return [
      { name: 'checkout-of-a-plan', workflowId: handle.workflowId },
      { name: 'subscription-first-period', workflowId, runId: first },
      { name: 'subscription-second-period', workflowId, runId: second },
    ]
  },

  async 'subscription-past-due-and-parked'(stage) {
    const payment = await accept(stage, 'plan')
    const subscriptionId = subscriptionOf(payment)
    const owed = seenIn(1, { status: 'past_due' })
    if (owed.latestInvoice) owed.latestInvoice.status = 'open'
    stage.world.show({ subscription: { ...owed, stripeSubscriptionId: 'sub_past_due' } })
    stage.world.troubles.stripeForgot = true
    const handle = await stage.client.workflow.signalWithStart('subscription', {
      ...subscriptionStart({
        ...payment,
        subscriptionId,
        stripeSubscriptionId: 'sub_past_due',
        status: 'incomplete',
        clockId: null,
      }),
      signal: stripeChanged,
      signalArgs: [{ eventId: 'evt_1', objectId: 'recorded' }],
    })
    await parked(handle)
    await handle.executeUpdate(skip, { args: [request] })
    await rested(handle)
    stage.world.troubles.stripeForgot = false
    await wake(handle, 'evt_2')
    await eventually('it is past due', async () => (await handle.query(state)).status === 'past_due')
    stage.world.show({ subscription: { ...owed, stripeSubscriptionId: 'sub_past_due', status: 'canceled' } })
    await wake(handle, 'evt_3')
    await handle.result()
    return [{ name: stage.name, workflowId: handle.workflowId }]
  },

  async 'catalog-published'({ name, client, projectId }) {
    const operation = new WithStartWorkflowOperation('catalog', catalogStart(projectId))
    await client.workflow.executeUpdateWithStart(catalogPublished, { startWorkflowOperation: operation })
    const handle = await operation.workflowHandle()
    await handle.result()
    return [{ name, workflowId: handle.workflowId }]
  },
}

function subscriptionOf({ paymentId, subscriptionId }: PaymentRow): SubscriptionId {
  if (subscriptionId === null) throw new Error(`payment ${paymentId} buys no plan`)
  return subscriptionId
}
