import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, operatorKey, type TestApi } from './support/api.ts'
import { routesOf } from './support/routes.ts'

let api: TestApi
let key: string
let projectId: string

beforeAll(async () => {
  api = await createTestApi()
  ;({ key, projectId } = await api.registerProject())
})
afterAll(() => api.close())

describe('a key', () => {
  it('is asked for by every endpoint of the API', async () => {
    const routes = routesOf(api.document)
    expect(routes.length).toBeGreaterThan(50)
    for (const { method, path } of routes) {
      const answer = await api.call(method, path.replaceAll(/\{\w+\}/g, projectId))
      expect(`${method} ${path} ${answer.status} ${String(answer.body.code)}`).toBe(
        `${method} ${path} 401 key_missing`,
      )
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="quittance"')
    }
  })

  it.each([
    ['', 'key_missing'],
    ['Bearer', 'key_missing'],
    ['Bearer ', 'key_missing'],
    ['Basic cWs6', 'key_missing'],
    ['Bearer a b', 'key_missing'],
    [`Bearer ${'x'.repeat(5000)}`, 'key_missing'],
    ['Bearer nonsense', 'key_invalid'],
    [`Bearer qk_test_${'0'.repeat(48)}`, 'key_invalid'],
    [`Bearer qk_operator_${'0'.repeat(48)}`, 'key_invalid'],
    [`Bearer ${operatorKey}x`, 'key_invalid'],
    ["Bearer qk_test_'or'1'='1", 'key_invalid'],
  ])('that is malformed or unknown (%j) is refused', async (authorization, code) => {
    const problem = await api.problem('GET', '/api/v1/payments', { headers: { authorization } })
    expect(problem).toMatchObject({ status: 401, code })
  })

  it('is taken with any case of the scheme', async () => {
    const headers = { authorization: `bearer ${key}` }
    expect((await api.call('GET', '/api/v1/payments', { headers })).status).toBe(200)
  })

  it('of a project may name that project and no other', async () => {
    const other = await api.registerProject()
    const named = (id: string) => ({ key, headers: { 'X-Project-ID': id } })
    expect((await api.call('GET', '/api/v1/payments', named(projectId))).status).toBe(200)
    for (const id of [other.projectId, 'prj_00000000000000000000000000', 'nonsense', ''])
      expect(await api.refusal('GET', '/api/v1/payments', named(id))).toBe('403 project_mismatch')
  })

  it("does not work where Stripe's other mode is connected", async () => {
    const live = await createTestApi({ database: api.database, livemode: true })
    expect(await live.refusal('GET', '/api/v1/payments', { key })).toBe('403 key_mode_mismatch')
    const { key: liveKey } = await live.registerProject()
    expect(liveKey).toMatch(/^qk_live_/)
    expect(await api.refusal('GET', '/api/v1/payments', { key: liveKey })).toBe('403 key_mode_mismatch')
    await live.close()
  })
})
