import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, operatorKey, shop, type TestApi } from './support/api.ts'

let api: TestApi
beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())

const policy = { retries: ['P1D', 'P2D'], grace: 'P3D', notice_before: 'PT12H', on_exhausted: 'pause' }
const defaults = {
  retries: ['P3D', 'P5D', 'P7D'],
  grace: 'P7D',
  notice_before: 'P1D',
  on_exhausted: 'cancel',
}
const set = (projectId: string, body: unknown, key = operatorKey) =>
  api.call('PUT', `/api/v1/projects/${projectId}/dunning-policy`, { key, body })
const read = async (projectId: string) => {
  const { body } = await api.call('GET', `/api/v1/projects/${projectId}`, { key: operatorKey })
  return { dunning: body.dunning, dunning_version: body.dunning_version }
}

describe('the dunning policy of a project', () => {
  it('is the default, is registered with the project, or is set as the next version', async () => {
    const plain = await api.registerProject()
    expect(await read(plain.projectId)).toEqual({ dunning: defaults, dunning_version: 0 })
    const chosen = await api.registerProject({ dunning: policy })
    expect(await read(chosen.projectId)).toEqual({ dunning: policy, dunning_version: 1 })
    const { status, body } = await set(chosen.projectId, { policy: { grace: 'P14D' } })
    expect([status, body]).toEqual([200, { policy_version: 2, policy: { ...defaults, grace: 'P14D' } }])
    expect(await read(chosen.projectId)).toMatchObject({ dunning_version: 2, dunning: { grace: 'P14D' } })
  })

  it('can be that of one plan, and says so', async () => {
    const { projectId } = await api.registerProject()
    const { body } = await set(projectId, { plan_id: 'pro', policy })
    expect(body).toEqual({ policy_version: 1, plan_id: 'pro', policy })
    expect(await read(projectId)).toEqual({ dunning: defaults, dunning_version: 0 })
  })

  it('can be registered with a plan', async () => {
    const { projectId } = await api.registerProject({
      dunning: policy,
      plans: [{ ...shop.plans[0], dunning: { retries: [] } }],
    })
    expect(await read(projectId)).toMatchObject({ dunning: policy })
  })

  it('of a plan that is not sold is refused', async () => {
    const { projectId } = await api.registerProject()
    const path = `/api/v1/projects/${projectId}/dunning-policy`
    const problem = await api.problem('PUT', path, { key: operatorKey, body: { plan_id: 'gold', policy } })
    expect(problem).toMatchObject({ status: 404, code: 'plan_not_found', errors: [{ path: 'plan_id' }] })
  })

  it('is set by administrators alone', async () => {
    const { projectId, key } = await api.registerProject()
    const path = `/api/v1/projects/${projectId}/dunning-policy`
    expect(await api.refusal('PUT', path, { key, body: { policy } })).toBe('403 operator_required')
    const support = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Sam', role: 'support' },
    })
    const asSupport = { key: String(support.body.api_key), body: { policy } }
    expect(await api.refusal('PUT', path, asSupport)).toBe('403 operator_role_insufficient')
  })

  it.each<[string, unknown]>([
    ['policy', {}],
    ['', []],
    ['policy', { policy: 'P3D' }],
    ['plan_id', { policy, plan_id: 'a b' }],
    ['policy.retries', { policy: { retries: ['P5D', 'P3D'] } }],
    ['policy.retries.0', { policy: { retries: ['3 days'] } }],
    ['policy.grace', { policy: { grace: 'P91D' } }],
    ['policy.notice_before', { policy: { notice_before: 'P4D' } }],
    ['policy.on_exhausted', { policy: { on_exhausted: 'delete' } }],
    ['version', { policy, version: 7 }],
  ])('with a wrong %s is refused: %j', async (field, body) => {
    const { projectId } = await api.registerProject()
    const path = `/api/v1/projects/${projectId}/dunning-policy`
    const problem = await api.problem('PUT', path, { key: operatorKey, body: JSON.stringify(body) })
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(problem.errors?.map((error) => error.path)).toEqual([field])
    expect(problem.errors?.[0]?.message).toMatch(/\.$/)
    expect(await read(projectId)).toMatchObject({ dunning_version: 0 })
  })
})
