import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, operatorKey, shop, type TestApi } from './support/api.ts'
import { seedOpenCase, seedRunningSubscription } from './support/subscriptions.ts'

/** Two tenants with the same users and words; the one tries whatever belongs to the other. Every route is tried in
 *  `other-tenants.test.ts`; here are those whose answer has more to it. */
interface Tenant {
  projectId: string
  key: string
  keyId: string
  paymentId: string
  subscriptionId: string
}
let api: TestApi
let mine: Tenant
let theirs: Tenant

const period = {
  currentPeriodStart: new Date('2026-01-01T00:00:00Z'),
  currentPeriodEnd: new Date('2026-02-01T00:00:00Z'),
}

beforeAll(async () => {
  api = await createTestApi()
  mine = await createTenant('mine')
  theirs = await createTenant('theirs')
})
afterAll(() => api.close())

async function createTenant(planId: string): Promise<Tenant> {
  const { projectId, key } = await api.registerProject({ plans: [{ ...shop.plans[0], id: planId }] })
  const subscription = await seedRunningSubscription(
    api,
    { projectId, key },
    { userId: 'user-1', planId, ...period },
  )
  await seedOpenCase(api, subscription)
  const keys = await api.call<{ data: { key_id: string }[] }>('GET', `/api/v1/projects/${projectId}/keys`, {
    key: operatorKey,
  })
  return {
    projectId,
    key,
    keyId: keys.body.data[0]?.key_id ?? '',
    paymentId: subscription.paymentId,
    subscriptionId: subscription.subscriptionId,
  }
}

describe('what belongs to another project', () => {
  it('is not there, on any route that names an object', async () => {
    const { key } = mine
    const body = { user_id: 'user-1', plan_id: 'mine' }
    const read = (path: string) => api.refusal('GET', `/api/v1/${path}`, { key })
    expect(await read(`payments/${theirs.paymentId}/status`)).toBe('404 not_found')
    expect(await read(`payments/${theirs.paymentId}/attempts`)).toBe('404 not_found')
    expect(await read(`subscriptions/${theirs.subscriptionId}`)).toBe('404 not_found')
    expect(await read(`projects/${theirs.projectId}`)).toBe('404 project_not_found')
    expect(await read(`projects/${theirs.projectId}/keys`)).toBe('404 project_not_found')
    const write = (path: string) => api.refusal('POST', `/api/v1/${path}`, { key, body })
    expect(await write(`apps/${theirs.projectId}/billing/checkout`)).toBe('404 project_not_found')
    expect(await write(`projects/${theirs.projectId}/keys`)).toBe('404 project_not_found')
    const revoking = `/api/v1/projects/${theirs.projectId}/keys/${theirs.keyId}`
    expect(await api.refusal('DELETE', revoking, { key })).toBe('404 project_not_found')
    const asMine = `/api/v1/projects/${mine.projectId}/keys/${theirs.keyId}`
    expect(await api.refusal('DELETE', asMine, { key: operatorKey })).toBe('404 not_found')
  })

  it('cannot be bought', async () => {
    const body = { user_id: 'user-1', plan_id: 'theirs' }
    expect(await api.refusal('POST', '/api/v1/payments', { key: mine.key, body })).toBe('404 plan_not_found')
  })

  it('is in no list, though the users have the same name', async () => {
    const payments = await api.call<{ data: { payment_id: string }[] }>(
      'GET',
      '/api/v1/payments?user_id=user-1',
      { key: mine.key },
    )
    expect(payments.body.data.map(({ payment_id: id }) => id)).toEqual([mine.paymentId])
    const user = await api.call<{ subscriptions: { subscription_id: string }[] }>(
      'GET',
      '/api/v1/subscriptions/user-1',
      { key: mine.key },
    )
    expect(user.body.subscriptions.map(({ subscription_id: id }) => id)).toEqual([mine.subscriptionId])
  })

  it('cannot be paged into with its cursor', async () => {
    const createdAt = Date.now() + 60_000
    const cursor = Buffer.from(`${createdAt} ${theirs.paymentId}`).toString('base64url')
    const page = await api.call<{ data: { project_id: string }[] }>(
      'GET',
      `/api/v1/payments?cursor=${cursor}`,
      {
        key: mine.key,
      },
    )
    expect(page.body.data.every(({ project_id: id }) => id === mine.projectId)).toBe(true)
  })

  it('stays apart for an operator, who sees the project he names and no other', async () => {
    const read = (path: string, project: string) =>
      api.call('GET', `/api/v1/${path}`, { key: operatorKey, headers: { 'X-Project-ID': project } })
    expect((await read(`payments/${mine.paymentId}/status`, mine.projectId)).status).toBe(200)
    expect((await read(`payments/${mine.paymentId}/status`, theirs.projectId)).status).toBe(404)
  })
})

describe('a request', () => {
  it.each([
    'project_id',
    'livemode',
    'status',
    'amount_received',
    'customer_id',
    'payment_id',
    'subscription_id',
    'created_at',
    'stripe_customer_id',
    'checkout_url',
    'actor',
  ])('cannot set %s, which is ours to set', async (field) => {
    const body = { user_id: 'user-1', plan_id: 'mine', [field]: theirs.projectId }
    const problem = await api.problem('POST', '/api/v1/payments', { key: mine.key, body })
    expect(problem).toMatchObject({ status: 400, errors: [{ path: field }] })
  })
})

describe('GET /subscriptions', () => {
  it('adds up what a user has, or shows one subscription', async () => {
    const user = await api.call('GET', '/api/v1/subscriptions/user-1', { key: mine.key })
    const one = await api.call('GET', `/api/v1/subscriptions/${mine.subscriptionId}`, { key: mine.key })
    expect(one.body).toEqual({
      subscription_id: mine.subscriptionId,
      user_id: 'user-1',
      plan_id: 'mine',
      plan_version: 1,
      quantity: 1,
      status: 'active',
      has_access: true,
      roles: ['pro'],
      current_period_start: '2026-01-01T00:00:00.000Z',
      current_period_end: '2026-02-01T00:00:00.000Z',
      cancel_at_period_end: false,
      dunning: expect.objectContaining({ status: 'open' }) as object,
      dunning_cases: [expect.objectContaining({ status: 'open' }) as object],
      stripe_subscription_id: `sub_${mine.subscriptionId}`,
      payment_id: mine.paymentId,
      created_at: expect.any(String),
    })
    expect(user.body).toEqual({
      user_id: 'user-1',
      has_access: true,
      roles: ['pro'],
      subscriptions: [one.body],
    })
  })

  it('tells of a user who never bought anything that he has nothing', async () => {
    const { body } = await api.call('GET', '/api/v1/subscriptions/nobody', { key: mine.key })
    expect(body).toEqual({ user_id: 'nobody', has_access: false, roles: [], subscriptions: [] })
  })
})
