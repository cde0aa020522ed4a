import type { WorkflowHandle } from '@temporalio/client'
import { drizzle } from 'drizzle-orm/postgres-js'
import { eq } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { createFollowSubscription } from '../../activities/follow-subscription.ts'
import { acceptRefund } from '../../db/accept-refund.ts'
import { ownerOfPayment } from '../../db/charge-owners.ts'
import { lockCharge } from '../../db/charges.ts'
import { inProject } from '../../db/client.ts'
import { readCustomer, setStripeCustomer } from '../../db/customers.ts'
import { mintId } from '../../db/mint-id.ts'
import { preparing } from '../../db/prepared.ts'
import * as schema from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { refundStart, subscriptionStart } from '../../inbox/starts.ts'
import { createStripeClient } from '../../providers/stripe/client.ts'
import { createStripeProvider } from '../../providers/stripe/provider.ts'
import { dunningWorkflowId } from '../../workflows/ids.ts'
import { retry, state, stripeChanged } from '../../workflows/messages.ts'
import { capture } from '../support/captured.ts'
import { eventually } from '../support/eventually.ts'
import { cards, createLocalStripe, type LocalStripe } from '../support/local-stripe.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { createNamespace, createStripe } from '../support/stack.ts'
import { noTicker } from '../support/ticker.ts'

// What a case and a refund cost, whatever the machine: events of the history, workflow tasks, statements (`begin` and `commit`
// among them), and requests as the local Stripe counts them. They go down, and up only with a reason written here.

let seeded: Seeded
let projectId: ProjectId
let server: Awaited<ReturnType<typeof createStripe>>
let stripe: LocalStripe
let client: postgres.Sql
let dependencies: ActivityDependencies
let workers: RunningWorkers
let statements = 0
beforeAll(async () => {
  ;[seeded, server] = await Promise.all([openDatabase(), createStripe()])
  projectId = await seedProject(seeded)
  stripe = createLocalStripe(server.apiBase)
  client = postgres(seeded.database.applicationUrl, {
    max: 5,
    fetch_types: false,
    onnotice: () => {},
    debug: () => {
      statements += 1
    },
  })
  dependencies = {
    database: drizzle(preparing(client), { schema }),
    provider: createStripeProvider(createStripeClient(server)),
    now: () => new Date(),
    ticker: noTicker,
  }
  workers = await startWorkers(await createNamespace(), dependencies)
})
afterAll(async () => {
  await workers.stop()
  await client.end()
  await Promise.all([seeded.close(), server.stop()])
})

const inTenant = <Result>(work: Parameters<typeof inProject<Result>>[2]) =>
  inProject(seeded.connections.application, projectId, work)
const payer = { userId: 'user-1', correlationId: 'test', clockId: null }

/** Counts from here on. */
async function counting() {
  const { calls: before } = await stripe.counts()
  statements = 0
  return async () => {
    const sent = statements
    const { calls } = await stripe.counts()
    const made = Object.entries(calls).map(([call, count]) => [call, count - (before[call] ?? 0)] as const)
    const requests = made.reduce((sum, [, count]) => sum + count, 0)
    return { statements: sent, requests, calls: Object.fromEntries(made.filter(([, count]) => count > 0)) }
  }
}

async function historyOf(handle: WorkflowHandle): Promise<{ events: number; workflowTasks: number }> {
  const { events } = await handle.fetchHistory()
  return {
    events: events?.length ?? 0,
    workflowTasks: (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes).length,
  }
}

type Cost = Record<'events' | 'workflowTasks' | 'statements' | 'requests', number>

function expectAtMost(cost: Cost, most: Cost): void {
  for (const what of ['events', 'workflowTasks', 'statements', 'requests'] as const)
    expect({ what, isWithin: cost[what] <= most[what], cost }).toMatchObject({ what, isWithin: true })
}

const PAY = 'POST /v1/invoices/{invoice}/pay'
/** The requests that change something: exactly these. */
const changesIn = (calls: Record<string, number>) =>
  Object.fromEntries(Object.entries(calls).filter(([call]) => !call.startsWith('GET')))

const isIdle = async (handle: WorkflowHandle) => {
  const { raw } = await handle.describe()
  return (raw.pendingActivities ?? []).length === 0 && !raw.pendingWorkflowTask
}

/** Sold a day ago by the clock of its customer, so that it is renewed every day. */
async function daily() {
  const { sdk } = stripe
  const soldAt = Math.floor(Date.now() / 1000) - 26 * 3_600
  const clock = await sdk.testHelpers.testClocks.create({ frozen_time: soldAt })
  const customer = await sdk.customers.create({ test_clock: clock.id })
  const card = await sdk.paymentMethods.attach('pm_card_visa', { customer: customer.id })
  await sdk.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } })
  const price = await sdk.prices.create({
    currency: 'brl',
    unit_amount: 9_900,
    recurring: { interval: 'day' },
    product_data: { name: 'Pro' },
  })
  const { id } = await sdk.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  const payment = await seedPayment(seeded, projectId)
  const { subscriptionId, paymentId, customerId } = payment
  if (subscriptionId === null) throw new Error('the payment buys no plan')
  await inTenant(async (transaction) => {
    await setStripeCustomer(transaction, await readCustomer(transaction, projectId, customerId), customer.id)
    await transaction
      .update(schema.plans)
      .set({ stripePriceId: price.id })
      .where(eq(schema.plans.planId, 'pro'))
  })
  const subject = { projectId, subscriptionId, paymentId, stripeSubscriptionId: id }
  await createFollowSubscription(dependencies)(subject)
  const start = subscriptionStart({ ...payer, ...subject, planId: 'pro', status: 'active' })
  const workflow = await workers.client.workflow.start('subscription', start)
  await eventually('it waits for its renewal', async () => (await workflow.query(state)).until)
  return { workflow, stripeSubscriptionId: id, cardId: card.id, clockId: clock.id, soldAt }
}

describe('what it costs', () => {
  it('a case that one retry ends, its subscription’s share included: 29 events, 5 tasks, 179 statements, 21 requests', async () => {
    const { workflow, stripeSubscriptionId, cardId, clockId, soldAt } = await daily()
    await stripe.replaceCard(cardId, cards.chargeDeclined)
    await stripe.sdk.testHelpers.testClocks.advance(clockId, { frozen_time: soldAt + 26 * 3_600 })
    await eventually('the clock has moved', async () => {
      return (await stripe.sdk.testHelpers.testClocks.retrieve(clockId)).status === 'ready'
    })
    const { latest_invoice: unpaid } = await stripe.sdk.subscriptions.retrieve(stripeSubscriptionId)
    const invoiceId = typeof unpaid === 'string' ? unpaid : (unpaid?.id ?? '')
    const costs = await counting()
    await workflow.signal(stripeChanged, { eventId: 'evt_failed', objectId: invoiceId })
    const ofCase = workers.client.workflow.getHandle(dunningWorkflowId(invoiceId))
    await eventually('its case waits', async () => (await ofCase.query(state)).until)
    await eventually('its subscription waits', () => isIdle(workflow))
    await stripe.replaceCard(cardId, cards.good)
    await ofCase.executeUpdate(retry, { args: [{ by: 'ana', reason: 'The card works again.' }] })
    expect(await ofCase.result()).toBe('recovered')
    await eventually('its subscription waits', () => isIdle(workflow))
    const cost = { ...(await costs()), ...(await historyOf(ofCase)) }
    expectAtMost(cost, { events: 29, workflowTasks: 5, statements: 179, requests: 21 })
    expect(changesIn(cost.calls)).toEqual({ 'POST /v1/invoices/{invoice}': 1, [PAY]: 1 })
  })

  it('a refund: 12 events, 2 tasks, 31 statements, 1 request', async () => {
    const { payment, stripeChargeId } = await capture(seeded, dependencies, stripe, projectId)
    const reading = await dependencies.provider.readCharge({ chargeId: stripeChargeId })
    if (!reading) throw new Error('nothing was captured')
    const refundId = mintId('rfd')
    await inTenant(async (transaction) => {
      const charge = await lockCharge(transaction, ownerOfPayment(payment), reading)
      await acceptRefund(transaction, charge, reading, {
        refundId,
        amount: 1_000,
        reason: undefined,
        origin: 'request',
        terms: () => ({ status: 'pending', subscriptionAction: 'keep' }),
        requestedBy: 'key_test',
        takesCredits: true,
        at: new Date(),
        why: 'A test.',
      })
    })
    const costs = await counting()
    const handle = await workers.client.workflow.start(
      'refund',
      refundStart({ ...payer, projectId, refundId }),
    )
    expect(await handle.result()).toBe('succeeded')
    const cost = { ...(await costs()), ...(await historyOf(handle)) }
    expectAtMost(cost, { events: 12, workflowTasks: 2, statements: 31, requests: 1 })
    expect(changesIn(cost.calls)).toEqual({ 'POST /v1/refunds': 1 })
  })
})
