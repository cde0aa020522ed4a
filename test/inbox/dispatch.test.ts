import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client'
import { eq } from 'drizzle-orm'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { lateRefundOf } from '../../db/late-refund.ts'
import { postponeEvent } from '../../db/inbox.ts'
import { updatePayment } from '../../db/payments.ts'
import { customers, inbox } from '../../db/schema/index.ts'
import { ownStripeObjects } from '../../db/stripe-objects.ts'
import { metadataKeys, type ProviderEvent } from '../../domain/provider.ts'
import { createDispatcher, type Dispatcher } from '../../inbox/dispatch.ts'
import { receiveEvent } from '../../inbox/receive.ts'
import { checkoutStart, subscriptionStart } from '../../inbox/starts.ts'
import { openDatabase, seedProject, type Seeded } from '../support/seed.ts'
import { createNamespace } from '../support/stack.ts'
import {
  inboxRow,
  invoiceOf,
  metadataOf,
  seedSale,
  seedSubscription,
  stripeEvent,
  stripeId,
} from './fixtures.ts'

let database: Seeded
let temporal: Client
let dispatcher: Dispatcher
const logged: { level: number; msg: string }[] = []
const logger = pino({ level: 'debug' }, { write: (line) => void logged.push(JSON.parse(line)) })
const options = { livemode: false, apiVersion: '2026-10-28.endive', logger }

beforeAll(async () => {
  database = await openDatabase()
  const { address, namespace } = await createNamespace()
  temporal = new Client({ connection: await Connection.connect({ address }), namespace })
  dispatcher = createDispatcher({ ...options, system: database.connections.system, temporal })
})

afterAll(async () => {
  await temporal.connection.close()
  await database.close()
})

/** As the webhook route does. */
async function deliver(event: ProviderEvent) {
  const received = await receiveEvent(database.connections.system, event)
  if (received === 'closed') dispatcher.note(event)
  else await dispatcher.dispatch(event)
  return inboxRow(database, event.eventId)
}

/** The ids of the events that a workflow was signaled with, from its history: no worker runs in these tests. */
async function signalsOf(workflowId: string): Promise<string[]> {
  const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory()
  return (events ?? []).flatMap((event) => {
    const input = event.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0]?.data
    return input ? [(JSON.parse(Buffer.from(input).toString()) as { eventId: string }).eventId] : []
  })
}

const startedAs = async (workflowId: string) =>
  (await temporal.workflow.getHandle(workflowId).describe()).type

describe('an event of a checkout', () => {
  it('starts the workflow with its signal when it comes before anyone else has', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const event = stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) })
    const workflowId = `checkout/${payment.paymentId}`

    expect(await deliver(event)).toMatchObject({
      outcome: 'signaled',
      workflowId,
      projectId: payment.projectId,
      attempts: 1,
      lastError: null,
    })
    expect(await startedAs(workflowId)).toBe('checkout')
    expect(await signalsOf(workflowId)).toEqual([event.eventId])
  })

  it('wakes a workflow that runs, whatever the order of its events', async () => {
    const payment = await seedSale(database, await seedProject(database))
    await temporal.workflow.start('checkout', checkoutStart(payment))
    const events = [
      stripeEvent('invoice.payment_failed', invoiceOf(payment, 'subscription_create')),
      stripeEvent('checkout.session.expired', { metadata: metadataOf(payment) }),
      stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) }),
    ]
    for (const event of events.toReversed()) await deliver(event)
    expect((await signalsOf(`checkout/${payment.paymentId}`)).toSorted()).toEqual(
      events.map(({ eventId }) => eventId).toSorted(),
    )
  })

  it('is stored once however often it is delivered', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const event = stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) })
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => receiveEvent(database.connections.system, event)),
    )
    expect(answers.toSorted()).toEqual(['duplicate', 'duplicate', 'duplicate', 'stored'])
    await deliver(event)
    expect((await inboxRow(database, event.eventId)).attempts).toBe(1)
  })

  it.each(['succeeded', 'refunded'] as const)('starts nothing for a payment that is %s', async (status) => {
    const payment = await seedSale(database, await seedProject(database), status)
    const row = await deliver(stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) }))
    expect(row).toMatchObject({ outcome: 'owner_finished', workflowId: `checkout/${payment.paymentId}` })
    await expect(temporal.workflow.getHandle(`checkout/${payment.paymentId}`).describe()).rejects.toThrow(
      WorkflowNotFoundError,
    )
  })

  it.each(['failed', 'expired'] as const)(
    'looks again at a payment that is %s: late money counts',
    async (status) => {
      const payment = await seedSale(database, await seedProject(database), status)
      const row = await deliver(stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) }))
      expect(row.outcome).toBe('signaled')
    },
  )

  it('finds its owner by what we know of the object when it carries no metadata', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const sessionId = stripeId('cs_test')
    await inProject(database.connections.application, payment.projectId, (transaction) =>
      ownStripeObjects(transaction, { ...payment, ownerId: payment.paymentId, livemode: false }, [sessionId]),
    )
    const row = await deliver(stripeEvent('checkout.session.completed', { id: sessionId, metadata: {} }))
    expect(row).toMatchObject({ outcome: 'signaled', projectId: payment.projectId })
  })
})

describe('a refund of a payment whose success is not recorded', () => {
  const refundOf = async (payment: Awaited<ReturnType<typeof seedSale>>, hasPage = true) => {
    const intentId = stripeId('pi')
    await inProject(database.connections.application, payment.projectId, async (transaction) => {
      await ownStripeObjects(transaction, { ...payment, ownerId: payment.paymentId, livemode: false }, [
        intentId,
      ])
      if (hasPage) await updatePayment(transaction, payment, { stripeCheckoutSessionId: stripeId('cs_test') })
    })
    return deliver(
      stripeEvent('refund.created', { object: 'refund', id: stripeId('re'), payment_intent: intentId }),
    )
  }
  const isAwake = (payment: { paymentId: string }) =>
    startedAs(`checkout/${payment.paymentId}`).then(
      () => true,
      () => false,
    )

  it.each(['pending', 'expired'] as const)('wakes the checkout of one that is %s', async (status) => {
    const payment = await seedSale(database, await seedProject(database), status)
    expect(await refundOf(payment)).toMatchObject({ outcome: 'signaled' })
    expect(await isAwake(payment)).toBe(true)
  })

  it('wakes none where it is recorded, or where there is no page', async () => {
    const projectId = await seedProject(database)
    const succeeded = await seedSale(database, projectId, 'succeeded')
    expect(await refundOf(succeeded)).toMatchObject({ outcome: 'signaled' })
    const withoutPage = await seedSale(database, projectId, 'failed')
    expect(await refundOf(withoutPage, false)).toMatchObject({ outcome: 'signaled' })
    expect([await isAwake(succeeded), await isAwake(withoutPage)]).toEqual([false, false])
  })
})

describe('a refund or a dispute of a charge that is not known yet', () => {
  it.each([
    ['refund.created', 'refund'],
    ['charge.dispute.created', 'dispute'],
  ])('comes again, although its customer is known: %s', async (type, object) => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    const own = (stripeIds: string[], ownerId: typeof payment.customerId | typeof payment.paymentId) =>
      inProject(database.connections.application, payment.projectId, (transaction) =>
        ownStripeObjects(transaction, { ...payment, ownerId, livemode: false }, stripeIds),
      )
    const [customer, intent] = [stripeId('cus'), stripeId('pi')]
    await own([customer], payment.customerId)
    const event = stripeEvent(type, { object, id: stripeId('re'), payment_intent: intent, customer })
    expect(await deliver(event)).toMatchObject({ outcome: null, attempts: 1, handledAt: null })
    await own([intent], payment.paymentId)
    expect(await deliver(event)).toMatchObject({ outcome: 'signaled', projectId: payment.projectId })
  })
})

describe('an event that names what does not exist', () => {
  it("is not ours: another project's id beside a payment, an unknown payment, no owner, the other mode", async () => {
    const payment = await seedSale(database, await seedProject(database))
    const otherProject = await seedProject(database)
    const metadata = metadataOf(payment)
    const events = [
      stripeEvent('checkout.session.completed', {
        metadata: { ...metadata, [metadataKeys.project]: otherProject },
      }),
      stripeEvent('checkout.session.completed', {
        metadata: { ...metadata, [metadataKeys.payment]: `pay_${'0'.repeat(26)}` },
      }),
      stripeEvent('checkout.session.completed', { metadata: {} }),
      { ...stripeEvent('checkout.session.completed', { metadata }), livemode: true },
      stripeEvent('customer.subscription.deleted', {
        object: 'subscription',
        metadata: { ...metadata, [metadataKeys.subscription]: `sbs_${'0'.repeat(26)}` },
      }),
    ]
    for (const event of events)
      expect(await deliver(event)).toMatchObject({ outcome: 'not_ours', workflowId: null, projectId: null })
    await expect(temporal.workflow.getHandle(`checkout/${payment.paymentId}`).describe()).rejects.toThrow(
      WorkflowNotFoundError,
    )
  })

  it('is not ours to act on when only its customer is known', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const customerId = stripeId('cus')
    await inProject(database.connections.application, payment.projectId, async (transaction) => {
      const [customer] = await transaction.select().from(customers)
      if (customer)
        await ownStripeObjects(transaction, { ...customer, ownerId: customer.customerId }, [customerId])
    })
    const row = await deliver(
      stripeEvent('checkout.session.completed', { metadata: {}, customer: customerId }),
    )
    expect(row.outcome).toBe('not_ours')
  })
})

describe('an event of a subscription', () => {
  it('wakes the workflow that runs', async () => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    const stripeSubscriptionId = await seedSubscription(database, payment)
    const start = subscriptionStart({
      ...payment,
      stripeSubscriptionId,
      status: 'active',
      clockId: null,
    })
    await temporal.workflow.start('subscription', start)
    const event = stripeEvent('invoice.paid', invoiceOf(payment, 'subscription_cycle'))
    expect(await deliver(event)).toMatchObject({
      outcome: 'signaled',
      workflowId: `subscription/${payment.subscriptionId}`,
      projectId: payment.projectId,
    })
    expect(await signalsOf(start.workflowId)).toEqual([event.eventId])
  })

  it('brings back a workflow that should run and does not', async () => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    await seedSubscription(database, payment, 'past_due')
    const event = stripeEvent('invoice.paid', invoiceOf(payment, 'subscription_cycle'))
    expect((await deliver(event)).outcome).toBe('signaled')
    expect(await startedAs(`subscription/${payment.subscriptionId}`)).toBe('subscription')
  })

  it('leaves one that is canceled and over in peace', async () => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    await seedSubscription(database, payment, 'canceled')
    const event = stripeEvent('customer.subscription.deleted', { metadata: metadataOf(payment) })
    expect((await deliver(event)).outcome).toBe('owner_finished')
  })

  it('has money that comes after the end looked at by a refund, the same however often it is told', async () => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    await seedSubscription(database, payment, 'canceled')
    const invoice = invoiceOf(payment, 'subscription_cycle')
    const events = [stripeEvent('invoice.paid', invoice), stripeEvent('invoice.paid', invoice)]
    const rows = []
    for (const event of events) rows.push(await deliver(event))
    const { projectId, subscriptionId } = payment
    if (subscriptionId === null) throw new Error('no plan was sold')
    const { refundId, opening } = lateRefundOf({ projectId, subscriptionId }, String(invoice.id))
    const workflowId = `refund/${refundId}`
    expect(rows).toMatchObject([
      { outcome: 'signaled', workflowId, projectId },
      { outcome: 'signaled', workflowId, projectId },
    ])
    expect(await signalsOf(workflowId)).toEqual(events.map(({ eventId }) => eventId))
    const { events: history } = await temporal.workflow.getHandle(workflowId).fetchHistory()
    const input = history?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data
    expect(JSON.parse(Buffer.from(input ?? []).toString())).toMatchObject({ projectId, refundId, opening })
  })

  it('is covered by the first look when its checkout has not handed over, and wakes the checkout', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const event = stripeEvent('invoice.paid', invoiceOf(payment, 'subscription_cycle'))
    expect(await deliver(event)).toMatchObject({
      outcome: 'covered_by_first_read',
      workflowId: `checkout/${payment.paymentId}`,
    })
    expect(await signalsOf(`checkout/${payment.paymentId}`)).toEqual([event.eventId])
  })

  it('starts the subscription when its checkout ended without handing over', async () => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    const event = stripeEvent('invoice.paid', invoiceOf(payment, 'subscription_cycle', 'sub_lost'))
    expect((await deliver(event)).outcome).toBe('signaled')
    const { events } = await temporal.workflow
      .getHandle(`subscription/${payment.subscriptionId}`)
      .fetchHistory()
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data
    expect(JSON.parse(Buffer.from(input ?? []).toString())).toMatchObject({
      projectId: payment.projectId,
      subscriptionId: payment.subscriptionId,
      stripeSubscriptionId: 'sub_lost',
    })
  })

  it('finds its owner by the subscription when the metadata was removed', async () => {
    const payment = await seedSale(database, await seedProject(database), 'succeeded')
    const stripeSubscriptionId = await seedSubscription(database, payment)
    await inProject(database.connections.application, payment.projectId, (transaction) =>
      ownStripeObjects(transaction, { ...payment, ownerId: payment.subscriptionId, livemode: false }, [
        stripeSubscriptionId,
      ]),
    )
    const bare = { id: stripeSubscriptionId, object: 'subscription', metadata: {} }
    expect(await deliver(stripeEvent('customer.subscription.paused', bare))).toMatchObject({
      outcome: 'signaled',
      projectId: payment.projectId,
    })
  })
})

describe('an event of a page on which a card is saved', () => {
  const page = (customer: string) => ({
    mode: 'setup',
    customer,
    metadata: { [metadataKeys.setup]: 'any' },
  })

  it('starts the workflow of its customer, whom Stripe’s own id leads to', async () => {
    const { projectId, customerId } = await seedSale(database, await seedProject(database))
    const customer = stripeId('cus')
    const event = stripeEvent('checkout.session.completed', page(customer))
    await inProject(database.connections.application, projectId, (transaction) =>
      ownStripeObjects(transaction, { projectId, ownerId: customerId, livemode: false }, [customer]),
    )
    const workflowId = `paymentMethod/${customerId}`
    expect(await deliver(event)).toMatchObject({ outcome: 'signaled', workflowId, projectId })
    expect(await startedAs(workflowId)).toBe('paymentMethod')
    expect(await signalsOf(workflowId)).toEqual([event.eventId])
  })

  it('of a customer whom we do not know is nobody’s', async () => {
    const event = stripeEvent('checkout.session.completed', page(stripeId('cus')))
    expect(await deliver(event)).toMatchObject({ outcome: 'not_ours' })
  })
})

describe('any event', () => {
  it('is kept when its type changes nothing, or is unknown, which is logged', async () => {
    expect((await deliver(stripeEvent('customer.created'))).outcome).toBe('not_relevant')
    const unknown = await deliver(stripeEvent('issuing_card.created'))
    expect(unknown.outcome).toBe('unknown_type')
    expect(unknown.handledAt).not.toBeNull()
    expect(logged.some(({ msg, level }) => level === 40 && msg.includes('unknown type'))).toBe(true)
  })

  it('of another API version or mode is stored and followed, and said loudly', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const event = stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) })
    expect((await deliver({ ...event, apiVersion: '2020-08-27' })).outcome).toBe('signaled')
    expect(logged.some(({ msg, level }) => level === 50 && msg.includes('another API version'))).toBe(true)
    await deliver({ ...stripeEvent('customer.created'), livemode: true })
    expect(logged.some(({ msg, level }) => level === 50 && msg.includes('other mode'))).toBe(true)
  })

  it('is stored whatever characters a customer typed', async () => {
    const name = 'nul \0, half \uD83D, whole 😀, and a \\u0000 that is none'
    const event = stripeEvent('customer.updated', { name, note: 'a\\\0b' })
    const row = await deliver(event)
    expect(row.payload).toMatchObject({
      data: {
        object: {
          name: 'nul \uFFFD, half \uFFFD, whole 😀, and a \\u0000 that is none',
          note: 'a\\\uFFFDb',
        },
      },
    })
  })

  it('is put off while Temporal is away, for longer each time, and goes through when it is back', async () => {
    const payment = await seedSale(database, await seedProject(database))
    const event = stripeEvent('checkout.session.completed', { metadata: metadataOf(payment) })
    await receiveEvent(database.connections.system, event)
    const lost = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) })
    const cutOff = createDispatcher({
      ...options,
      system: database.connections.system,
      temporal: lost,
      signalDeadline_ms: 300,
    })

    const waits: number[] = []
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      expect(await cutOff.dispatch(event)).toBe('postponed')
      const row = await inboxRow(database, event.eventId)
      expect(row).toMatchObject({ attempts: attempt, handledAt: null })
      expect(row.lastError).toMatch(/^Temporal answered with gRPC status \d+$/)
      waits.push(row.nextAttemptAt.getTime() - Date.now())
    }
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0)
    await lost.connection.close()

    expect(await dispatcher.dispatch(event)).toBe('handled')
    expect(await inboxRow(database, event.eventId)).toMatchObject({ outcome: 'signaled', lastError: null })
  })

  it('waits a minute at most between attempts', async () => {
    const event = stripeEvent('checkout.session.completed')
    await receiveEvent(database.connections.system, event)
    await database.connections.system
      .update(inbox)
      .set({ attempts: 500 })
      .where(eq(inbox.eventId, event.eventId))
    await postponeEvent(database.connections.system, event, 'x')
    const { nextAttemptAt } = await inboxRow(database, event.eventId)
    const wait_ms = nextAttemptAt.getTime() - Date.now()
    expect(wait_ms).toBeGreaterThan(55_000)
    expect(wait_ms).toBeLessThan(61_000)
  })

  it('does not make the caller fail when the database is away', async () => {
    const gone = await openDatabase()
    await gone.close()
    const cutOff = createDispatcher({ ...options, system: gone.connections.system, temporal })
    expect(await cutOff.dispatch(stripeEvent('customer.created'))).toBe('postponed')
  })

  it('beyond what can be told at once is left to the sweep', async () => {
    const narrow = createDispatcher({
      ...options,
      system: database.connections.system,
      temporal,
      concurrency: 1,
      waiting: 1,
    })
    const events = [1, 2, 3].map(() => stripeEvent('checkout.session.completed'))
    for (const event of events) await receiveEvent(database.connections.system, event)
    expect(await Promise.all(events.map((event) => narrow.dispatch(event)))).toEqual([
      'handled',
      'handled',
      'postponed',
    ])
  })
})
