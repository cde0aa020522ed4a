import { WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../db/client.ts'
import type { PaymentRow } from '../../db/payments.ts'
import type { CheckoutSnapshot } from '../../domain/checkout.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { PaymentProvider } from '../../domain/provider.ts'
import { checkoutStart } from '../../inbox/starts.ts'
import { subscriptionWorkflowId } from '../../workflows/ids.ts'
import { openSession, state, stripeChanged } from '../../workflows/messages.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { brl, invoiceSeen, subscriptionSeen } from '../support/snapshots.ts'
import { createNamespace } from '../support/stack.ts'

// What each operation costs at Temporal and at Stripe, whatever the machine: events of the history, workflow tasks, calls.
// They go down, and up only with a reason written here.

const MONTH = 30 * 24 * 3_600_000
const price = brl(9900)
const paid: CheckoutSnapshot = {
  session: 'complete',
  payment: 'paid',
  settlement: 'none',
  total: price,
  attempts: [],
  stripeSubscriptionId: 'sub_counted',
  stripeInvoiceId: 'in_1',
}
const bornAt = Date.now()
const seenIn = (period: number) =>
  subscriptionSeen({
    stripeSubscriptionId: 'sub_counted',
    currentPeriodStart: bornAt + (period - 1) * MONTH,
    currentPeriodEnd: bornAt + period * MONTH,
    latestInvoice: invoiceSeen({
      invoiceId: `in_${period}`,
      billingReason: period === 1 ? 'subscription_create' : 'subscription_cycle',
    }),
  })

let seeded: Seeded
let projectId: ProjectId
let workers: RunningWorkers
const scripted = createScriptedProvider()
let calls: string[] = []
let databaseIsAway = false
beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  workers = await startWorkers(await createNamespace(), {
    database: leaving(seeded.connections.application),
    provider: counting(scripted.provider),
    now: () => new Date(),
    ticker: noTicker,
  })
  // The customer and the price are there, as they are for all but the first payment.
  const first = await begin(await seedPayment(seeded, projectId))
  await first.terminate()
})
afterAll(async () => {
  await workers.stop()
  await seeded.close()
})

function counting(provider: PaymentProvider): PaymentProvider {
  return new Proxy(provider, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver) as (...parameters: unknown[]) => unknown
      return (...parameters: unknown[]) => {
        calls.push(String(name))
        return method(...parameters)
      }
    },
  })
}

/** The database, until it is away. */
function leaving(database: Database): Database {
  return new Proxy(database, {
    get(target, name, receiver) {
      if (databaseIsAway && name === 'transaction')
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      return Reflect.get(target, name, receiver) as unknown
    },
  })
}

async function begin(payment: PaymentRow): Promise<WorkflowHandle> {
  const operation = new WithStartWorkflowOperation('checkout', checkoutStart(payment))
  calls = []
  await workers.client.workflow.executeUpdateWithStart(openSession, { startWorkflowOperation: operation })
  return operation.workflowHandle()
}

async function costOf(handle: WorkflowHandle): Promise<{ events: number; workflowTasks: number }> {
  const { events } = await handle.fetchHistory()
  const isTask = (event: object) => 'workflowTaskCompletedEventAttributes' in event
  return {
    events: events?.length ?? 0,
    workflowTasks: (events ?? []).filter(
      (event) => isTask(event) && event.workflowTaskCompletedEventAttributes,
    ).length,
  }
}

const wake = (handle: WorkflowHandle, eventId: string) =>
  handle.signal(stripeChanged, { eventId, objectId: 'counted' })

/** Waits until it has nothing left to do but to wait until then. */
const restsUntil = (handle: WorkflowHandle, at: number) =>
  eventually('the workflow rests', async () => {
    const { raw } = await handle.describe()
    const isBusy = (raw.pendingActivities ?? []).length > 0 || Boolean(raw.pendingWorkflowTask)
    return !isBusy && Date.parse((await handle.query(state)).until ?? '') > at
  })

function expectAtMost(cost: { events: number; workflowTasks: number }, events: number, tasks: number): void {
  expect(cost.events).toBeLessThanOrEqual(events)
  expect(cost.workflowTasks).toBeLessThanOrEqual(tasks)
}

describe('what it costs', () => {
  it('a one-time checkout: 27 events, 4 workflow tasks, 2 calls to Stripe', async () => {
    const handle = await begin(await seedPayment(seeded, projectId, { buys: { amount: 9900 } }))
    scripted.show({ checkout: paid })
    await wake(handle, 'evt_1')
    await handle.result()
    expectAtMost(await costOf(handle), 27, 4)
    expect(calls).toEqual(['openCheckout', 'readCheckout'])
  })

  it('a subscription: 32 events and 5 tasks of its checkout, 13 and 2 of its own, and as much for each renewal', async () => {
    const payment = await seedPayment(seeded, projectId)
    const checkout = await begin(payment)
    scripted.show({ checkout: paid, subscription: seenIn(1) })
    await wake(checkout, 'evt_1')
    await checkout.result()
    expectAtMost(await costOf(checkout), 32, 5)

    const { subscriptionId } = payment
    if (subscriptionId === null) throw new Error('the payment buys no plan')
    const subscription = workers.client.workflow.getHandle(subscriptionWorkflowId(subscriptionId))
    await restsUntil(subscription, bornAt + MONTH)
    expectAtMost(await costOf(subscription), 13, 2)
    expect(calls).toEqual(['openCheckout', 'readCheckout', 'readSubscription'])

    const { runId } = await subscription.describe()
    scripted.show({ subscription: seenIn(2) })
    await wake(subscription, 'evt_2')
    await restsUntil(subscription, bornAt + 2 * MONTH)
    // The period's run ends with its renewal; the next one begins by waiting, without a look of its own.
    const firstRun = workers.client.workflow.getHandle(subscription.workflowId, runId)
    expectAtMost(await costOf(firstRun), 26, 4)
    expectAtMost(await costOf(subscription), 5, 1)
    expect(calls).toEqual(['openCheckout', 'readCheckout', 'readSubscription', 'readSubscription'])
    await subscription.terminate()
  })

  it('a provider that is away: not one event more, however often it is asked', async () => {
    const handle = await begin(await seedPayment(seeded, projectId, { buys: { amount: 9900 } }))
    scripted.show({ checkout: paid })
    for (let outage = 0; outage < 4; outage += 1) scripted.fail('readCheckout', 'refused_connection')
    await wake(handle, 'evt_1')
    await handle.result()
    expectAtMost(await costOf(handle), 27, 4)
    expect(calls.filter((call) => call === 'readCheckout')).toHaveLength(5)
  })

  it('a database that is away: 6 events more, however long it is', async () => {
    const handle = await begin(await seedPayment(seeded, projectId, { buys: { amount: 9900 } }))
    scripted.show({ checkout: paid })
    databaseIsAway = true
    await wake(handle, 'evt_1')
    await eventually('the record has been tried in vain for a while', async () => {
      const { raw } = await handle.describe()
      return raw.pendingActivities?.some(({ attempt }) => (attempt ?? 0) > 3)
    })
    databaseIsAway = false
    expect(await handle.result()).toBe('succeeded')
    expectAtMost(await costOf(handle), 33, 5)
  })
})
