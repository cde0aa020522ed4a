import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  beginReconciliation,
  endReconciliation,
  saveProgress,
  settleDifference,
} from '../../db/reconciliations.ts'
import { BillingError } from '../../domain/errors.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import { createTestApi, operatorKey, type TestApi, uniqueKey } from './support/api.ts'

let api: TestApi
let key: string
const started: string[] = []
let isAway = false

beforeAll(async () => {
  api = await createTestApi({
    orchestrator: {
      reconcile: async (reconciliationId) => {
        if (isAway) throw new BillingError('orchestrator_unavailable')
        started.push(reconciliationId)
      },
    },
  })
  ;({ key } = await api.registerProject())
})
afterAll(() => api.close())

const path = '/api/v1/reconciliations'
const asOperator = { key: operatorKey }
const finding = (id: string, kind: Finding['kind'] = 'payment_amount_differs'): Finding => ({
  kind,
  stage: 'charges',
  projectId: ACCOUNT_BOOK,
  stripeId: id,
  ours: { amount: 100 },
  stripes: { amount: 90 },
})

describe('comparisons', () => {
  it('are begun by an operator, one at a time, and by the same key once', async () => {
    const repeatable = { ...asOperator, body: {}, headers: { 'idempotency-key': uniqueKey() } }
    isAway = true
    expect(await api.refusal('POST', path, repeatable)).toBe('503 orchestrator_unavailable')
    isAway = false
    const first = await api.call('POST', path, repeatable)
    expect(first).toMatchObject({
      status: 202,
      body: { status: 'running', stage: 'take_in', differences: 0 },
    })
    const other = await api.call('POST', path, { ...asOperator, body: {} })
    expect(other.body.reconciliation_id).toBe(first.body.reconciliation_id)
    expect(new Set(started)).toEqual(new Set([first.body.reconciliation_id]))
    await endReconciliation(api.connections.system, String(first.body.reconciliation_id), { balances: [] })
  })

  it('show what was found, page by page, and what became of it', async () => {
    const { system } = api.connections
    const begun = {
      reconciliationId: 'scheduled-2027-01-01T00:00:00Z',
      livemode: false,
      requestedBy: 'schedule',
    }
    await beginReconciliation(system, begun)
    await saveProgress(system, begun.reconciliationId, {
      stage: 'balance',
      cursor: null,
      calls: 12,
      compared: 340,
      foreign: 2,
      seen: [],
      findings: [finding('ch_1'), finding('ch_2'), finding('sub_1', 'subscription_status_differs')],
    })
    await settleDifference(system, { ...begun, key: 'subscription_status_differs/sub_1' }, 'repaired')
    await settleDifference(system, { ...begun, key: 'payment_amount_differs/ch_1' }, 'needs_person')
    const balances = [{ currency: 'brl', ours: 90, waiting: 10, stripes: 100 }]
    await endReconciliation(system, begun.reconciliationId, { balances })

    const report = await api.call<{ data: object[]; next_cursor: string }>(
      'GET',
      `${path}/${begun.reconciliationId}?limit=2`,
      asOperator,
    )
    expect(report.body).toMatchObject({
      status: 'completed',
      requested_by: 'schedule',
      compared: 340,
      foreign: 2,
      stripe_calls: 12,
      differences: 3,
      repaired: 1,
      need_person: 1,
      balances: [{ currency: 'brl', ledger: 90, waiting: 10, stripe: 100 }],
    })
    const next = await api.call<{ data: object[]; next_cursor: null }>(
      'GET',
      `${path}/${begun.reconciliationId}?limit=2&cursor=${report.body.next_cursor}`,
      asOperator,
    )
    expect([...report.body.data, ...next.body.data]).toMatchObject([
      { kind: 'payment_amount_differs', stripe_id: 'ch_1', status: 'needs_person', ours: { amount: 100 } },
      { kind: 'payment_amount_differs', stripe_id: 'ch_2', status: 'found', project_id: ACCOUNT_BOOK },
      {
        kind: 'subscription_status_differs',
        status: 'repaired',
        explanation: expect.stringContaining('status'),
      },
    ])
    expect(next.body.next_cursor).toBeNull()

    const list = await api.call<{ data: { reconciliation_id: string }[]; next_cursor: string }>(
      'GET',
      `${path}?limit=1`,
      asOperator,
    )
    const older = await api.call<{ data: object[] }>(
      'GET',
      `${path}?cursor=${list.body.next_cursor}`,
      asOperator,
    )
    expect([list.body.data.length, older.body.data.length]).toEqual([1, 1])
  })

  it('are none of the business of projects, nor known by other names', async () => {
    for (const [method, where] of [
      ['POST', path],
      ['GET', path],
      ['GET', `${path}/rec_1`],
    ] as const)
      expect(await api.refusal(method, where, { key, ...(method === 'POST' && { body: {} }) })).toBe(
        '403 operator_required',
      )
    expect(await api.refusal('GET', `${path}/rec_1`, asOperator)).toBe('404 not_found')
    expect(await api.refusal('GET', `${path}?cursor=none`, asOperator)).toBe('400 invalid_request')
  })
})

describe('the book of the Stripe account', () => {
  const headers = { 'x-project-id': ACCOUNT_BOOK }

  it('is read by operators, and by nobody else', async () => {
    const { status } = await api.call('GET', '/api/v1/ledger/accounts', { ...asOperator, headers })
    expect(status).toBe(200)
    expect(await api.refusal('GET', '/api/v1/ledger/accounts', { key, headers })).toBe('403 project_mismatch')
  })

  it('is no project: it is in no list, and nothing can be sold in it, nor a key be made for it', async () => {
    const { body } = await api.call<{ data: { project_id: string }[] }>('GET', '/api/v1/projects', asOperator)
    expect(body.data.map(({ project_id }) => project_id)).not.toContain(ACCOUNT_BOOK)
    const payment = { user_id: 'ada', amount: 100, currency: 'usd', description: 'A thing' }
    const sold = { ...asOperator, headers, body: payment }
    expect(await api.refusal('POST', '/api/v1/payments', sold)).toBe('404 project_not_found')
    const made = { ...asOperator, body: {} }
    expect(await api.refusal('POST', `/api/v1/projects/${ACCOUNT_BOOK}/keys`, made)).toBe(
      '404 project_not_found',
    )
  })
})
