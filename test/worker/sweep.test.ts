import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client'
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { updatePayment } from '../../db/payments.ts'
import { inbox, payments } from '../../db/schema/index.ts'
import { createDispatcher } from '../../inbox/dispatch.ts'
import { receiveEvent } from '../../inbox/receive.ts'
import type { SweepOptions } from '../../inbox/sweep.ts'
import { type Sweep, startSweep } from '../../worker/sweep.ts'
import { inboxRow, metadataOf, seedSale, stripeEvent } from '../inbox/fixtures.ts'
import { openDatabase, seedPayment, seedProject, type Seeded } from '../support/seed.ts'
import { createNamespace } from '../support/stack.ts'
import { dropConnections, silent, until } from './fixtures.ts'

let database: Seeded
let temporal: Client
const sweeps: Sweep[] = []

beforeAll(async () => {
  database = await openDatabase()
  const { address, namespace } = await createNamespace()
  temporal = new Client({ connection: await Connection.connect({ address }), namespace })
})
beforeEach(() => async () => {
  await Promise.all(sweeps.splice(0).map((sweep) => sweep.stop()))
})
afterAll(async () => {
  await temporal.connection.close()
  await database.close()
})

/** Counts what it dispatches, so that a test sees whether work is done twice. */
function start(told: string[] = [], options: Partial<SweepOptions> = {}): Sweep {
  const { system } = database.connections
  const client = options.temporal ?? temporal
  const dispatcher = createDispatcher({
    system,
    temporal: client,
    livemode: false,
    apiVersion: '2026-10-28.endive',
    logger: silent,
    signalDeadline_ms: 500,
  })
  const sweep = startSweep({
    system,
    temporal: client,
    logger: silent,
    interval_ms: 100,
    dispatcher: {
      async dispatch(event) {
        told.push(event.eventId)
        return dispatcher.dispatch(event)
      },
      note: () => {},
    },
    ...options,
  })
  sweeps.push(sweep)
  return sweep
}

const makeDue = () =>
  database.connections.system.update(inbox).set({ nextAttemptAt: sql`now() - interval '1 second'` })
const everythingHandled = async () =>
  (await database.connections.system.select().from(inbox)).every(({ handledAt }) => handledAt !== null)

describe('the sweep', () => {
  it('takes up an event whose receiver died before telling anyone, once it is due', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const event = stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) })
    await receiveEvent(database.connections.system, event)
    start()
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect((await inboxRow(database, event.eventId)).handledAt).toBeNull()
    await makeDue()
    await until('it is told', everythingHandled)
    expect(await inboxRow(database, event.eventId)).toMatchObject({
      outcome: 'signaled',
      workflowId: `checkout/${payment.paymentId}`,
    })
  })

  it('does the work of two workers once', async () => {
    const events = Array.from({ length: 150 }, () => stripeEvent('checkout.session.completed'))
    for (const event of events) await receiveEvent(database.connections.system, event)
    await makeDue()
    const [byFirst, bySecond]: [string[], string[]] = [[], []]
    start(byFirst, { limit: 10 })
    start(bySecond, { limit: 10 })
    await until('all is told', everythingHandled)
    expect([...byFirst, ...bySecond].toSorted()).toEqual(events.map(({ eventId }) => eventId).toSorted())
  })

  it('starts a payment that was accepted and never taken up, once, and leaves others alone', async () => {
    const projectId = await seedProject(database)
    const due = await seedPayment(database, projectId)
    const opened = await seedPayment(database, projectId)
    const fresh = await seedPayment(database, projectId)
    const owner = database.connections.system
    const makePaymentDue = (paymentId: typeof due.paymentId) =>
      owner
        .update(payments)
        .set({ startDueAt: sql`now() - interval '1 second'` })
        .where(eq(payments.paymentId, paymentId))
    await inProject(database.connections.application, projectId, (transaction) =>
      updatePayment(transaction, opened, { stripeCheckoutSessionId: 'cs_1' }),
    )
    await makePaymentDue(due.paymentId)
    await makePaymentDue(opened.paymentId)
    start()
    start()
    const started = (paymentId: string) => temporal.workflow.getHandle(`checkout/${paymentId}`)
    await until('it is started', async () => {
      try {
        return (await started(due.paymentId).describe()).status.name === 'RUNNING'
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false
        throw error
      }
    })
    for (const other of [opened, fresh])
      await expect(started(other.paymentId).describe()).rejects.toThrow(WorkflowNotFoundError)

    const [row] = await owner
      .select({ startDueAt: payments.startDueAt })
      .from(payments)
      .where(eq(payments.paymentId, due.paymentId))
    const postponed_ms = (row?.startDueAt.getTime() ?? 0) - Date.now()
    expect(postponed_ms).toBeGreaterThan(4 * 60_000)

    await makePaymentDue(due.paymentId)
    await new Promise((resolve) => setTimeout(resolve, 400))
    const history = await started(due.paymentId).fetchHistory()
    expect(history.events?.filter(({ workflowExecutionStartedEventAttributes: it }) => it)).toHaveLength(1)
  })

  it('puts everything off while Temporal is away and does it when it is back', async () => {
    const projectId = await seedProject(database)
    const payment = await seedSale(database, projectId)
    const { system } = database.connections
    const event = stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) })
    await receiveEvent(system, event)
    await makeDue()
    const lost = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) })
    const blind = start([], { temporal: lost })
    await until('it was tried', async () => (await inboxRow(database, event.eventId)).attempts > 0)
    await blind.stop()
    await lost.connection.close()
    expect((await inboxRow(database, event.eventId)).handledAt).toBeNull()

    start()
    await until('it is told', everythingHandled)
  })

  it('outlives a database that goes and comes back, and ends promptly', async () => {
    const { system } = database.connections
    const sweep = start()
    await new Promise((resolve) => setTimeout(resolve, 150))
    await dropConnections(database)
    await receiveEvent(system, stripeEvent('checkout.session.completed'))
    await makeDue()
    await until('it goes on', everythingHandled)
    const stoppedAt = Date.now()
    await sweep.stop()
    expect(Date.now() - stoppedAt).toBeLessThan(2_000)
  })
})
