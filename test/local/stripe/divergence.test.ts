import type { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { payments } from './support/payments.ts'
import { idOf, localCalls, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('books that nobody was told of', () => {
  let local: LocalStripe
  let stripe: Stripe
  beforeEach(async () => {
    local = await startLocalStripe()
    stripe = sdkFor(local.url)
  })
  afterEach(() => local.close())

  const scene = payments(() => stripe)
  const control = (path: string, given: object) => localCalls(local.url).control(path, given)
  const silently = (call: string, parameters: object = {}) => control('silently', { call, parameters })
  const forget = (id: string) => fetch(`${local.url}/_local/objects/${id}`, { method: 'DELETE' })
  const events = () => scene.eventTypes()

  it('hold what was made by calls that nobody heard of', async () => {
    const { charge } = await scene.pay(9900)
    const before = await events()
    const refund = await silently('POST /v1/refunds', { charge, amount: 900, metadata: { by: 'hand' } })
    const orphan = await silently('POST /v1/customers', { email: 'nobody@example.com' })
    await silently(`POST /_local/charges/${charge}/dispute`, { reason: 'duplicate' })
    expect(await events()).toEqual(before)
    expect(before).toContain('charge.succeeded')
    const [found] = (await stripe.refunds.list({ charge })).data
    expect(found).toMatchObject({ amount: 900, metadata: { by: 'hand' } })
    // What the bank tells a moment later is not heard either.
    expect(found?.destination_details?.card).toMatchObject({ reference_status: 'available' })
    expect(refund).toMatchObject({ id: found?.id })
    expect((await stripe.disputes.list({ charge })).data).toMatchObject([{ reason: 'duplicate' }])
    await silently(`DELETE /v1/customers/${idOf(orphan as { id: string })}`)
    expect(await stripe.customers.retrieve(idOf(orphan as { id: string }))).toMatchObject({ deleted: true })
    expect(await events()).toEqual(before)
    const { id: heard } = await stripe.customers.create()
    expect((await stripe.events.list({ limit: 1 })).data[0]?.data.object).toMatchObject({ id: heard })
  })

  it('say of an object what was never so', async () => {
    const { charge } = await scene.pay(9900)
    const before = await events()
    expect(await control(`objects/${charge}`, { amount: 9901 })).toMatchObject({ amount: 9901 })
    expect(await stripe.charges.retrieve(charge)).toMatchObject({ amount: 9901 })
    expect(await events()).toEqual(before)
    await expect(control(`objects/${charge}`, { amonut: 1 })).rejects.toThrow('no field amonut')
    await expect(control(`objects/${charge}`, { id: 'ch_other' })).rejects.toThrow('no field id')
    await expect(control('objects/ch_none', { amount: 1 })).rejects.toThrow('No such object')
  })

  it('lack objects, and events that are too old to be listed', async () => {
    const { charge } = await scene.pay(9900)
    const [event] = (await stripe.events.list({ type: 'charge.succeeded' })).data
    expect((await forget(idOf(event))).status).toBe(200)
    expect((await stripe.events.list({ type: 'charge.succeeded' })).data).toEqual([])
    await forget(charge)
    await expect(stripe.charges.retrieve(charge)).rejects.toMatchObject({ statusCode: 404 })
    expect((await forget(charge)).status).toBe(404)
  })

  it('refuse what no call is', async () => {
    await expect(silently('POST /v1/nothing')).rejects.toThrow('Unrecognized request URL')
    await expect(silently('POST /v1/refunds', { charge: 'ch_none' })).rejects.toThrow('No such charge')
    await expect(control('silently', { call: 'POST /v1/customers', parameters: 'x' })).rejects.toThrow(
      'must be an object',
    )
  })
})
