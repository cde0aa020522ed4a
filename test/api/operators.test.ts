import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import { createTestApi, operatorKey, shop, type TestApi } from './support/api.ts'

let api: TestApi
let projectId: string
const keys: Record<string, string> = {}

beforeAll(async () => {
  api = await createTestApi()
  ;({ projectId } = await api.registerProject())
  for (const role of ['viewer', 'support', 'admin']) {
    const made = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Ana', role },
    })
    keys[role] = String(made.body.api_key)
  }
})
afterAll(() => api.close())

const body = { user_id: 'user-1', plan_id: 'pro' }
const acting = { 'X-Project-ID': '' }

describe('operators', () => {
  beforeAll(() => {
    acting['X-Project-ID'] = projectId
  })

  it('have keys of their own, told once', async () => {
    const made = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Bia', role: 'viewer' },
    })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      operator_id: expect.stringMatching(/^op_/),
      name: 'Bia',
      role: 'viewer',
      created_by: 'op_first',
      created_at: expect.any(String),
      revoked_at: null,
      api_key: expect.stringMatching(/^qk_operator_[0-9a-f]{48}$/),
    })
    const listed = await api.call('GET', '/api/v1/operators', { key: operatorKey })
    expect(JSON.stringify(listed.body)).not.toContain('qk_operator_')
  })

  // What each role may do, call by call: 403 where it may not.
  it.each([
    ['viewer', 200, 403, 403, 403, 403],
    ['support', 200, 201, 403, 403, 403],
    ['admin', 200, 201, 201, 201, 201],
  ])('%s', async (role, read, payment, project, projectKey, operator) => {
    const key = keys[role]
    const post = async (path: string, sent: unknown, headers = {}) =>
      (await api.call('POST', `/api/v1/${path}`, { key, body: sent, headers })).status
    expect((await api.call('GET', '/api/v1/projects', { key })).status).toBe(read)
    expect((await api.call('GET', '/api/v1/payments', { key, headers: acting })).status).toBe(read)
    expect(await post('payments', body, acting)).toBe(payment)
    expect(await post('projects', shop)).toBe(project)
    expect(await post(`projects/${projectId}/keys`, {})).toBe(projectKey)
    expect(await post('operators', { name: 'Caio', role: 'viewer' })).toBe(operator)
  })

  it('name the project they act for, and one that is there', async () => {
    expect(await api.refusal('GET', '/api/v1/payments', { key: operatorKey })).toBe('400 project_required')
    for (const id of ['prj_00000000000000000000000001', 'nonsense', "' or 1=1 --"]) {
      const headers = { 'X-Project-ID': id }
      expect(await api.refusal('GET', '/api/v1/payments', { key: operatorKey, headers })).toBe(
        '404 project_not_found',
      )
      expect(await api.refusal('POST', '/api/v1/payments', { key: operatorKey, headers, body })).toBe(
        '404 project_not_found',
      )
    }
  })

  it('may read the book of the Stripe account, and do nothing else in it', async () => {
    const headers = { 'X-Project-ID': ACCOUNT_BOOK }
    const read = await api.call('GET', '/api/v1/ledger/accounts', { key: operatorKey, headers })
    expect(read.status).toBe(200)
    expect(await api.refusal('POST', '/api/v1/payments', { key: operatorKey, headers, body })).toBe(
      '404 project_not_found',
    )
  })

  it('cannot name two projects at once', async () => {
    const other = await api.registerProject()
    const headers = { 'X-Project-ID': other.projectId }
    const path = `/api/v1/apps/${projectId}/billing/checkout`
    expect(await api.refusal('POST', path, { key: operatorKey, headers, body })).toBe('403 project_mismatch')
  })

  it('are named in the audit of what they do', async () => {
    const made = await api.call('POST', '/api/v1/payments', { key: keys.support, body, headers: acting })
    const rows = await api.connections.application.transaction(async (transaction) => {
      await transaction.execute(`select set_config('quittance.project_id', '${projectId}', true)`)
      return transaction.query.audit.findMany({
        where: (audit, { eq }) => eq(audit.subjectId, String(made.body.payment_id)),
      })
    })
    expect(rows).toEqual([
      expect.objectContaining({
        action: 'payment.accepted',
        actor: expect.stringMatching(/^op_[0-9a-z]{26}$/),
      }),
    ])
  })

  it('are locked out at once when revoked', async () => {
    const made = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Davi', role: 'admin' },
    })
    const key = String(made.body.api_key)
    expect((await api.call('GET', '/api/v1/projects', { key })).status).toBe(200)
    const path = `/api/v1/operators/${String(made.body.operator_id)}`
    expect((await api.call('DELETE', path, { key: operatorKey })).status).toBe(204)
    expect(await api.refusal('GET', '/api/v1/projects', { key })).toBe('401 key_invalid')
    expect(await api.refusal('DELETE', '/api/v1/operators/op_1', { key: operatorKey })).toBe('404 not_found')
  })
})
