import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintId } from '../../db/mint-id.ts'
import { metadataKeys } from '../../domain/provider.ts'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'

let product: Product
/** Workflows that somebody has terminated. */
const terminated: string[] = []

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

async function terminate(workflowId: string): Promise<void> {
  terminated.push(workflowId)
  await product.temporal.workflow.getHandle(workflowId).terminate('to see what an event does then')
}

/** Waits until an event has been handled, and answers what became of it. */
function outcomeOf(eventId: string): Promise<{ outcome: string }> {
  return eventually(`event ${eventId} is handled`, async () => {
    const [row] = await product.sql<{ outcome: string }[]>`
      select outcome from inbox where event_id = ${eventId} and handled_at is not null`
    return row && { outcome: row.outcome }
  })
}

/** A webhook about an object, as Stripe would write it. */
function newEvent(type: string, object: object): { id: string } & Record<string, unknown> {
  return {
    id: `evt_${randomUUID()}`,
    object: 'event',
    api_version: null,
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    type,
    data: { object },
  }
}

describe('an event of Stripe', () => {
  it('brings back a checkout whose workflow is gone', async () => {
    const { client, stripe } = product
    const payment = await client.openPayment({ user_id: 'ana', plan_id: 'team' })
    await terminate(`checkout/${payment.payment_id}`)
    await stripe.pay(payment.checkout_session_id)
    await client.paymentBecomes(payment.payment_id, 'succeeded')
    expect(await client.rolesBecome('ana', ['pro', 'team'])).toMatchObject({ has_access: true })
  })

  it('brings back a subscription whose workflow is gone, and its end takes the roles away', async () => {
    const { client, stripe, sql, events, projectId } = product
    const [subscription] = await sql<{ id: string; stripe_id: string }[]>`
      select subscription_id as id, stripe_subscription_id as stripe_id from subscriptions where user_id = 'ana'`
    await terminate(`subscription/${subscription?.id}`)
    await stripe.sdk.subscriptions.cancel(subscription?.stripe_id ?? '')
    const { has_access: hasAccess } = await client.rolesBecome('ana', [])
    expect(hasAccess).toBe(false)
    await eventually('the end is on Kafka', () => {
      const told = events.typesOf(projectId, 'ana')
      return (
        told.filter((type) => type === 'entitlement.role_revoked').length === 2 &&
        told.includes('subscription.canceled')
      )
    })
  })

  it('changes nothing when it comes again, however often and long after', async () => {
    const { stripe, sql, sendWebhook } = product
    const [customer] = await sendCustomers(product, { count: 2, prefix: 'again' })
    expect(await untilServed(product, customer ? [customer] : [])).toEqual([])
    expect(await findFlaws(product, { terminated })).toEqual([])
    const factsBefore = await sql`select count(*)::int as events, max(id)::int as last from outbox`
    const { data: told } = await stripe.sdk.events.list({ limit: 100 })
    for (let round = 0; round < 3; round += 1)
      expect(new Set(await Promise.all(told.map(sendWebhook)))).toEqual(new Set([200]))
    expect(await findFlaws(product, { terminated })).toEqual([])
    expect(await sql`select count(*)::int as events, max(id)::int as last from outbox`).toEqual(factsBefore)
  })

  it('is kept when its type is not known', async () => {
    const event = newEvent('something.new', { id: 'new_1' })
    expect(await product.sendWebhook(event)).toBe(200)
    expect(await outcomeOf(event.id)).toEqual({ outcome: 'unknown_type' })
  })

  it('that claims the payment of another project, or one that is not there, moves nobody', async () => {
    const { client, sendWebhook, projectId, registerProject } = product
    const open = await client.openPayment({ user_id: 'victim', product_id: 'book' })
    const stranger = await registerProject()
    const claims = [
      { project: stranger.projectId, payment: open.payment_id },
      { project: projectId, payment: mintId('pay') },
      { project: mintId('prj'), payment: open.payment_id },
    ]
    for (const { project, payment } of claims) {
      const event = newEvent('checkout.session.completed', {
        id: open.checkout_session_id,
        object: 'checkout.session',
        metadata: { [metadataKeys.project]: project, [metadataKeys.payment]: payment },
      })
      expect(await sendWebhook(event)).toBe(200)
      expect(await outcomeOf(event.id)).toEqual({ outcome: 'not_ours' })
    }
    expect(await client.payment(open.payment_id)).toMatchObject({ status: 'pending' })
    const elsewhere = await stranger.client.call('GET', `/api/v1/payments/${open.payment_id}/status`)
    expect(elsewhere.status).toBe(404)
  })

  it('that says a payment was made, which Stripe itself does not say, is only a reason to look', async () => {
    const { client, sendWebhook, projectId } = product
    const open = await client.openPayment({ user_id: 'liar', product_id: 'book' })
    const event = newEvent('checkout.session.completed', {
      id: open.checkout_session_id,
      object: 'checkout.session',
      status: 'complete',
      payment_status: 'paid',
      metadata: { [metadataKeys.project]: projectId, [metadataKeys.payment]: open.payment_id },
    })
    expect(await sendWebhook(event)).toBe(200)
    expect(await outcomeOf(event.id)).toEqual({ outcome: 'signaled' })
    expect(await findFlaws(product, { terminated })).toEqual([])
    expect(await client.payment(open.payment_id)).toMatchObject({ status: 'pending', amount_received: 0 })
  })
})
