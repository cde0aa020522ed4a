import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { updateTestClock } from '../../db/test-clocks.ts'
import { BillingError } from '../../domain/errors.ts'
import { type ClockId, parseId } from '../../domain/ids.ts'
import { createTestApi, shop, type TestApi, uniqueKey } from './support/api.ts'

let api: TestApi
let project: { projectId: string; key: string }
let opened: ClockId[]
let moved: { clockId: ClockId; targetTime: number; updateId: string }[]
let refusal: BillingError | undefined
beforeAll(async () => {
  api = await createTestApi({
    orchestrator: {
      async openTestClock(_projectId, clockId) {
        opened.push(clockId)
        if (refusal) throw refusal
      },
      async advanceTestClock(_projectId, clockId, { targetTime, updateId }) {
        moved.push({ clockId, targetTime, updateId })
        if (refusal) throw refusal
      },
    },
  })
  project = await api.registerProject()
})
afterAll(() => api.close())
beforeEach(() => {
  opened = []
  moved = []
  refusal = undefined
})

const at = '2026-01-31T00:00:00.000Z'
const later = '2026-03-01T00:00:00.000Z'
const make = (body: object = { frozen_time: at }, headers: Record<string, string> = {}) =>
  api.call('POST', '/api/v1/test-clocks', { key: project.key, body, headers })
const clock = async () => String((await make()).body.id)
const advance = (id: string, frozen_time: string, headers: Record<string, string> = {}) =>
  api.call('POST', `/api/v1/test-clocks/${id}/advance`, { key: project.key, body: { frozen_time }, headers })
const refusedAdvance = (id: string, frozen_time: string) =>
  api.problem('POST', `/api/v1/test-clocks/${id}/advance`, { key: project.key, body: { frozen_time } })
const show = (id: string) => api.call('GET', `/api/v1/test-clocks/${id}`, { key: project.key })
const set = (id: string, columns: Parameters<typeof updateTestClock>[2]) => {
  const projectId = parseId('prj', project.projectId)
  return inProject(api.connections.application, projectId, (transaction) =>
    updateTestClock(transaction, { projectId, clockId: parseId('clk', id) }, columns),
  )
}

describe('a test clock', () => {
  it('is made where it stands still, with its name', async () => {
    const { status, body } = await make({ frozen_time: '2026-01-31T00:00:00.999+00:00', name: 'January' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ frozen_time: at, status: 'ready', name: 'January' })
    expect(opened).toEqual([body.id])
    expect((await show(String(body.id))).body).toEqual(body)
  })

  it('is made once under an idempotency key, also when the first try broke off', async () => {
    const headers = { 'Idempotency-Key': uniqueKey() }
    refusal = new BillingError('outcome_pending', { retryAfterSeconds: 2 })
    expect((await make({ frozen_time: at }, headers)).status).toBe(503)
    refusal = undefined
    const made = await make({ frozen_time: at }, headers)
    expect(made.status).toBe(201)
    expect(new Set(opened)).toEqual(new Set([made.body.id]))
  })

  it('moves forward to a whole second, and tells where it goes', async () => {
    const id = await clock()
    const { status } = await advance(id, '2026-03-01T00:00:00.400Z')
    expect([status, moved]).toEqual([
      200,
      [{ clockId: id, targetTime: Date.parse(later), updateId: expect.any(String) as string }],
    ])
    await set(id, { status: 'advancing', targetTime: new Date(later) })
    expect((await show(id)).body).toMatchObject({ status: 'advancing', frozen_time: at, target_time: later })
  })

  it('is moved once under an idempotency key', async () => {
    const id = await clock()
    const headers = { 'Idempotency-Key': uniqueKey() }
    await advance(id, later, headers)
    await advance(id, later, headers)
    expect(moved).toHaveLength(1)
  })

  it.each(['2026-01-30T00:00:00Z', '2026-01-30T23:59:59.900Z'])(
    'does not move backwards: %s',
    async (time) => {
      const problem = await refusedAdvance(await clock(), time)
      expect(problem).toMatchObject({ code: 'test_clock_backwards', errors: [{ path: 'frozen_time' }] })
      expect(problem.errors?.[0]?.message).toContain(at)
      expect(moved).toEqual([])
    },
  )

  it.each([
    ['ready', at],
    ['advancing', later],
  ] as const)('that is %s at the time asked for is answered like the first time', async (status, time) => {
    const id = await clock()
    await set(id, { status, targetTime: new Date(time) })
    expect(await advance(id, time)).toMatchObject({ status: 200, body: { status, frozen_time: at } })
    expect(moved).toEqual([])
  })

  it('that moves is not moved elsewhere until it is ready', async () => {
    const id = await clock()
    await set(id, { status: 'advancing' })
    expect(await refusedAdvance(id, later)).toMatchObject({ status: 409, code: 'test_clock_advancing' })
    expect(moved).toEqual([])
  })

  it.each(['clk_00000000000000000000000000', 'sbs_00000000000000000000000000', 'x'])(
    'that is none is 404: %s',
    async (id) => {
      expect(await refusedAdvance(id, later)).toMatchObject({ status: 404, code: 'test_clock_not_found' })
      const reading = api.refusal('GET', `/api/v1/test-clocks/${id}`, { key: project.key })
      expect(await reading).toBe('404 test_clock_not_found')
    },
  )

  it('answers what the workflow answers', async () => {
    refusal = new BillingError('orchestrator_unavailable', { retryAfterSeconds: 2 })
    expect(await refusedAdvance(await clockWhile(), later)).toMatchObject({ status: 503 })

    async function clockWhile(): Promise<string> {
      refusal = undefined
      const id = await clock()
      refusal = new BillingError('orchestrator_unavailable', { retryAfterSeconds: 2 })
      return id
    }
  })
})

describe('a user', () => {
  const pay = (userId: string, test_clock_id?: unknown) =>
    api.call('POST', '/api/v1/payments', {
      key: project.key,
      body: { user_id: userId, plan_id: 'pro', ...(test_clock_id !== undefined && { test_clock_id }) },
    })

  it('joins a clock with the first payment, and stays on it with every other', async () => {
    const id = await clock()
    expect((await pay('user-on-clock', id)).status).toBe(201)
    expect((await pay('user-on-clock', id)).status).toBe(201)
    expect((await pay('user-on-clock')).status).toBe(201)
  })

  it.each(['without', 'another'])('who has paid %s a clock cannot join this one', async (before) => {
    const userId = `user-${before}`
    await pay(userId, before === 'another' ? await clock() : undefined)
    expect((await pay(userId, await clock())).body).toMatchObject({
      status: 409,
      code: 'test_clock_fixed',
      errors: [{ path: 'test_clock_id' }],
    })
  })

  it('cannot join a clock that is none of the project’s', async () => {
    const theirs = await api.registerProject()
    const made = await api.call('POST', '/api/v1/test-clocks', { key: theirs.key, body: { frozen_time: at } })
    for (const id of [made.body.id, 'clk_00000000000000000000000000', 'x'])
      expect((await pay('user-lost', id)).body).toMatchObject({ status: 404, code: 'test_clock_not_found' })
  })
})

describe('in live mode', () => {
  it('there are no test clocks', async () => {
    const live = await createTestApi({ livemode: true, database: api.database })
    const { key } = await live.registerProject(shop)
    expect(await live.refusal('POST', '/api/v1/test-clocks', { key, body: { frozen_time: at } })).toBe(
      '409 live_mode_has_no_clocks',
    )
    const payment = { user_id: 'user-1', plan_id: 'pro', test_clock_id: 'clk_00000000000000000000000000' }
    expect(await live.refusal('POST', '/api/v1/payments', { key, body: payment })).toBe(
      '409 live_mode_has_no_clocks',
    )
    await live.close()
  })
})
