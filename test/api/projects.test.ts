import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, operatorKey, shop, type TestApi } from './support/api.ts'

let api: TestApi
const published: string[] = []
let publishing: () => Promise<void> = async () => {}

beforeAll(async () => {
  api = await createTestApi({
    orchestrator: {
      async publishCatalog(projectId) {
        published.push(projectId)
        await publishing()
      },
    },
  })
})
afterAll(() => api.close())

const register = (body: Record<string, unknown>) =>
  api.call('POST', '/api/v1/projects', { key: operatorKey, body })

describe('POST /projects', () => {
  it('registers a project, tells what it can do, and its key works at once', async () => {
    const { status, body } = await register(shop)
    expect(status).toBe(201)
    expect(body).toEqual({
      project_id: expect.stringMatching(/^prj_[0-9a-z]{26}$/),
      api_key: expect.stringMatching(/^qk_test_[0-9a-f]{48}$/),
      payment_types: ['one_time', 'subscription', 'credits'],
      features: ['subscriptions', 'permissions', 'credits'],
      environment_variables: {
        QUITTANCE_API_URL: 'http://api.test',
        QUITTANCE_PROJECT_ID: body.project_id,
        QUITTANCE_API_KEY: body.api_key,
      },
    })
    expect(published).toContain(body.project_id)

    const shown = await api.call('GET', `/api/v1/projects/${String(body.project_id)}`, {
      key: String(body.api_key),
    })
    expect(shown.body).toMatchObject({
      name: 'Shop',
      currency: 'brl',
      plans: [{ ...shop.plans[0], version: 1, trial_days: 0, limits: {} }],
      products: shop.products,
      dunning: { retries: ['P3D', 'P5D', 'P7D'], grace: 'P7D', notice_before: 'P1D', on_exhausted: 'cancel' },
    })
  })

  it('keeps everything that a plan and a dunning policy can say', async () => {
    const plan = {
      id: 'team.v2:x-1',
      name: 'Team — 10 lugares',
      amount: 0,
      interval: 'year',
      trial_days: 14,
      roles: ['editor', 'viewer'],
      limits: { seats: 10, region: 'br', sso: true },
    }
    const dunning = { retries: ['PT12H', 'P2D'], grace: 'P10D', notice_before: 'PT6H', on_exhausted: 'pause' }
    const { body } = await register({ name: 'Full', currency: 'usd', plans: [plan], dunning })
    const shown = await api.call('GET', `/api/v1/projects/${String(body.project_id)}`, { key: operatorKey })
    expect(shown.body).toMatchObject({ plans: [{ ...plan, currency: 'usd', version: 1 }], dunning })
  })

  it('needs neither plans nor products: amounts can be charged without a catalog', async () => {
    const { status, body } = await register({ name: 'Bare', currency: 'usd' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ payment_types: ['one_time'], features: [] })
  })

  it('answers although the prices could not be published yet', async () => {
    publishing = () => Promise.reject(new Error('no workflow service'))
    const { status } = await register(shop)
    publishing = async () => {}
    expect(status).toBe(201)
  })

  it('stores no key, only its hash', async () => {
    const { body } = await register(shop)
    const key = String(body.api_key)
    const rows = await api.connections.systemClient`select encode(key_hash, 'escape') as hash from api_keys`
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows)).not.toContain(key.slice(8))
  })
})

describe('GET /projects', () => {
  it('lists every project to an operator, newest first, page by page', async () => {
    const first = await register({ name: 'Older', currency: 'usd' })
    const second = await register({ name: 'Newer', currency: 'usd' })
    const page = (query: string) =>
      api.call<{ data: { project_id: string }[]; next_cursor: string }>(
        'GET',
        `/api/v1/projects?limit=1${query}`,
        {
          key: operatorKey,
        },
      )
    const newest = await page('')
    const next = await page(`&cursor=${newest.body.next_cursor}`)
    expect([newest.body.data[0]?.project_id, next.body.data[0]?.project_id]).toEqual([
      second.body.project_id,
      first.body.project_id,
    ])
  })

  it('is for operators', async () => {
    const { key } = await api.registerProject()
    expect(await api.refusal('GET', '/api/v1/projects', { key })).toBe('403 operator_required')
    expect(await api.refusal('POST', '/api/v1/projects', { key, body: shop })).toBe('403 operator_required')
  })
})

describe('keys of a project', () => {
  it('rotate without a moment in which none works', async () => {
    const { projectId, key: oldKey } = await api.registerProject()
    const path = `/api/v1/projects/${projectId}/keys`
    const made = await api.call('POST', path, { key: operatorKey })
    const newKey = String(made.body.api_key)
    expect(made).toMatchObject({ status: 201, body: { livemode: false } })
    const read = (key: string) => api.call('GET', '/api/v1/payments', { key })
    expect([(await read(oldKey)).status, (await read(newKey)).status]).toEqual([200, 200])

    const listed = await api.call<{ data: { key_id: string; revoked_at: string | null }[] }>('GET', path, {
      key: operatorKey,
    })
    const oldKeyId = listed.body.data.find(({ key_id: id }) => id !== made.body.key_id)?.key_id
    const revoke = () => api.call('DELETE', `${path}/${oldKeyId}`, { key: operatorKey })
    expect((await revoke()).status).toBe(204)
    expect((await revoke()).status).toBe(204)
    expect(await api.refusal('GET', '/api/v1/payments', { key: oldKey })).toBe('401 key_invalid')
    expect((await read(newKey)).status).toBe(200)
  })

  it('are made and revoked by operators only, and leave a trace', async () => {
    const { projectId, key } = await api.registerProject()
    const path = `/api/v1/projects/${projectId}/keys`
    expect(await api.refusal('POST', path, { key })).toBe('403 operator_required')
    expect(await api.refusal('GET', path, { key })).toBe('403 operator_required')
    const made = await api.call('POST', path, { key: operatorKey })
    await api.call('DELETE', `${path}/${String(made.body.key_id)}`, { key: operatorKey })
    const sql = api.connections.application
    const actions = await sql.transaction(async (transaction) => {
      await transaction.execute(`select set_config('quittance.project_id', '${projectId}', true)`)
      return transaction.query.audit.findMany({ orderBy: (audit, { asc }) => asc(audit.id) })
    })
    expect(actions.map(({ action, actor }) => `${actor} ${action}`)).toEqual([
      'op_first project.registered',
      'op_first key.created',
      'op_first key.revoked',
    ])
  })

  it.each(['key_00000000000000000000000000', 'nonsense'])(
    'that are not there (%s) are 404',
    async (keyId) => {
      const { projectId } = await api.registerProject()
      const path = `/api/v1/projects/${projectId}/keys/${keyId}`
      expect(await api.refusal('DELETE', path, { key: operatorKey })).toBe('404 not_found')
    },
  )
})
