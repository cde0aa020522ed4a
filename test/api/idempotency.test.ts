import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BillingError } from '../../domain/errors.ts'
import { createTestApi, operatorKey, type Problem, shop, type TestApi, uniqueKey } from './support/api.ts'

let api: TestApi
let key: string
let refusal: Error | undefined
let opening: () => Promise<void> = async () => {}
const started: string[] = []

beforeAll(async () => {
  api = await createTestApi({
    async openCheckout({ paymentId }) {
      started.push(paymentId)
      await opening()
      if (refusal) throw refusal
      return { checkoutSessionId: `cs_test_${paymentId}`, checkoutUrl: `https://pay.test/${paymentId}` }
    },
    poolSize: 20,
  })
  ;({ key } = await api.registerProject())
})
beforeEach(() => {
  refusal = undefined
  opening = async () => {}
  started.length = 0
})
afterAll(() => api.close())

const pay = (idempotencyKey: string, body: Record<string, unknown> = {}, callerKey = key) =>
  api.call('POST', '/api/v1/payments', {
    key: callerKey,
    body: { user_id: 'user-1', plan_id: 'pro', ...body },
    headers: { 'Idempotency-Key': idempotencyKey },
  })

const rows = () => api.connections.systemClient`select * from idempotency_keys`
const payments = async () =>
  Number((await api.connections.systemClient`select count(*) from payments`)[0]?.count)

describe('the same key and body', () => {
  it('give the same answer, marked as a replay, and make one payment', async () => {
    const idempotencyKey = uniqueKey()
    const before = await payments()
    const first = await pay(idempotencyKey)
    const again = await pay(idempotencyKey)
    expect(again.status).toBe(201)
    expect(again.body).toEqual(first.body)
    expect(first.headers.get('Idempotent-Replayed')).toBeNull()
    expect(again.headers.get('Idempotent-Replayed')).toBe('true')
    expect(again.headers.get('Content-Type')).toContain('application/json')
    expect(started).toHaveLength(1)
    expect(await payments()).toBe(before + 1)
  })

  it('are the same whatever the order of the fields and the spaces between them', async () => {
    const idempotencyKey = uniqueKey()
    const send = (body: string) =>
      api.call('POST', '/api/v1/payments', { key, body, headers: { 'Idempotency-Key': idempotencyKey } })
    const first = await send('{"user_id":"u","plan_id":"pro","metadata":{"a":"1","b":"2"}}')
    const again = await send('{ "metadata": {"b":"2","a":"1"}, "plan_id":"pro", "user_id":"u" }')
    expect(again.body).toEqual(first.body)
  })

  it('make one payment when sixteen come at once: one is answered, the others told to wait', async () => {
    const idempotencyKey = uniqueKey()
    const before = await payments()
    opening = () => new Promise((resolve) => setTimeout(resolve, 300))
    const answers = await Promise.all(Array.from({ length: 16 }, () => pay(idempotencyKey)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    const waiting = answers.filter(({ status }) => status === 409)
    expect(waiting).toHaveLength(15)
    expect(
      waiting.every(
        ({ headers, body }) => headers.get('Retry-After') === '1' && body.code === 'idempotency_in_progress',
      ),
    ).toBe(true)
    expect(await payments()).toBe(before + 1)
    expect((await pay(idempotencyKey)).headers.get('Idempotent-Replayed')).toBe('true')
  })

  it('give a refusal again that was final, without asking anyone', async () => {
    const idempotencyKey = uniqueKey()
    refusal = new BillingError('card_declined')
    const first = await pay(idempotencyKey)
    refusal = undefined
    const again = await pay(idempotencyKey)
    expect([first.status, again.status]).toEqual([402, 402])
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('Content-Type')).toContain('application/problem+json')
    expect(started).toHaveLength(1)
  })

  it.each(['provider_unavailable', 'orchestrator_unavailable', 'outcome_pending', 'internal'] as const)(
    'take the same payment up again after %s, which passes',
    async (code) => {
      const idempotencyKey = uniqueKey()
      const before = await payments()
      refusal = code === 'internal' ? new Error('a defect') : new BillingError(code)
      const first = await pay(idempotencyKey)
      expect(first.status).toBeGreaterThanOrEqual(500)
      refusal = undefined
      const again = await pay(idempotencyKey)
      expect(again.status).toBe(201)
      expect(again.headers.get('Idempotent-Replayed')).toBeNull()
      expect(started).toEqual([again.body.payment_id, again.body.payment_id])
      expect(await payments()).toBe(before + 1)
    },
  )

  it('are taken over with the same payment once a lock has run out, because who held it died', async () => {
    const idempotencyKey = uniqueKey()
    const before = await payments()
    let died = (): void => {}
    opening = () => new Promise((resolve) => (died = resolve))
    const lost = pay(idempotencyKey)
    await expect.poll(() => started.length).toBe(1)
    opening = async () => {}
    expect((await pay(idempotencyKey)).status).toBe(409)
    await api.connections
      .systemClient`update idempotency_keys set locked_until = now() - interval '1 second' where status is null`
    const taken = await pay(idempotencyKey)
    expect(taken.status).toBe(201)
    expect(started).toEqual([taken.body.payment_id, taken.body.payment_id])
    // Whoever was thought dead comes back: his answer is the same and changes nothing.
    died()
    expect((await lost).body).toEqual(taken.body)
    expect(await payments()).toBe(before + 1)
    expect((await pay(idempotencyKey)).headers.get('Idempotent-Replayed')).toBe('true')
  })
})

describe('the same key', () => {
  it.each([
    ['another body', 'payments', { plan_id: undefined, product_id: 'book' }],
    ['one field more', 'payments', { metadata: { a: 'b' } }],
  ])('with %s is refused', async (_name, path, change) => {
    const idempotencyKey = uniqueKey()
    await pay(idempotencyKey)
    const body = { user_id: 'user-1', plan_id: 'pro', ...change }
    const headers = { 'Idempotency-Key': idempotencyKey }
    expect(await api.refusal('POST', `/api/v1/${path}`, { key, body, headers })).toBe(
      '422 idempotency_key_reused',
    )
  })

  it('at another address is refused', async () => {
    const { key: ownKey, projectId } = await api.registerProject()
    const idempotencyKey = uniqueKey()
    await pay(idempotencyKey, {}, ownKey)
    const path = `/api/v1/apps/${projectId}/billing/checkout`
    const body = { user_id: 'user-1', plan_id: 'pro' }
    const headers = { 'Idempotency-Key': idempotencyKey }
    expect(await api.refusal('POST', path, { key: ownKey, body, headers })).toBe('422 idempotency_key_reused')
  })

  it('of another project is another key', async () => {
    const other = await api.registerProject()
    const idempotencyKey = uniqueKey()
    const [ours, theirs] = [await pay(idempotencyKey), await pay(idempotencyKey, {}, other.key)]
    expect(theirs.status).toBe(201)
    expect(theirs.body.payment_id).not.toBe(ours.body.payment_id)
  })

  it('of an operator acting for another project is refused', async () => {
    const [one, other] = [await api.registerProject(), await api.registerProject()]
    const idempotencyKey = uniqueKey()
    const act = (projectId: string) =>
      api.call<Problem>('POST', '/api/v1/payments', {
        key: operatorKey,
        body: { user_id: 'user-1', plan_id: 'pro' },
        headers: { 'Idempotency-Key': idempotencyKey, 'X-Project-ID': projectId },
      })
    expect((await act(one.projectId)).status).toBe(201)
    expect((await act(other.projectId)).body.code).toBe('idempotency_key_reused')
  })

  it.each(['', 'a b', 'é', 'x'.repeat(256)])('must be well-formed: %j is not', async (idempotencyKey) => {
    const body = { user_id: 'user-1', plan_id: 'pro' }
    const headers = { 'Idempotency-Key': idempotencyKey }
    const problem = await api.problem('POST', '/api/v1/payments', { key, body, headers })
    expect(problem).toMatchObject({ status: 400, errors: [{ path: 'Idempotency-Key' }] })
  })
})

describe('what is kept', () => {
  it('tells nobody anything: neither the answer, nor the key, nor the request', async () => {
    const idempotencyKey = uniqueKey()
    const register = () =>
      api.call('POST', '/api/v1/projects', {
        key: operatorKey,
        body: { ...shop, name: 'Very secret shop' },
        headers: { 'Idempotency-Key': idempotencyKey },
      })
    const first = await register()
    const again = await register()
    expect(again.body).toEqual(first.body)
    const stored = (await rows()).flatMap((row) => [
      row.scope,
      ...Object.values(row).filter((value) => Buffer.isBuffer(value)),
    ])
    const readable = stored.map((value) => value.toString('latin1')).join('\n')
    for (const secret of [String(first.body.api_key), idempotencyKey, 'Very secret shop', 'checkout_url'])
      expect(readable).not.toContain(secret)
  })

  it('can be done again after the key of the caller was changed: the same payment comes of it', async () => {
    const { projectId, key: oldKey } = await api.registerProject()
    const idempotencyKey = uniqueKey()
    const first = await pay(idempotencyKey, {}, oldKey)
    const made = await api.call('POST', `/api/v1/projects/${projectId}/keys`, { key: operatorKey })
    const again = await pay(idempotencyKey, {}, String(made.body.api_key))
    expect(again.status).toBe(201)
    expect(again.body).toEqual(first.body)
  })

  it('covers every POST: a project and a key that are asked for twice are made once', async () => {
    const headers = { 'Idempotency-Key': uniqueKey() }
    const { projectId } = await api.registerProject()
    const path = `/api/v1/projects/${projectId}/keys`
    const [first, again] = [
      await api.call('POST', path, { key: operatorKey, headers }),
      await api.call('POST', path, { key: operatorKey, headers }),
    ]
    expect(again.body).toEqual(first.body)
    const listed = await api.call<{ data: unknown[] }>('GET', path, { key: operatorKey })
    expect(listed.body.data).toHaveLength(2)
  })

  it('makes the same project with the same key when the first attempt died before its answer was kept', async () => {
    const headers = { 'Idempotency-Key': uniqueKey() }
    const register = () => api.call('POST', '/api/v1/projects', { key: operatorKey, body: shop, headers })
    const first = await register()
    await api.connections.systemClient`
      update idempotency_keys set status = null, sealed_answer = null, locked_until = null
      where created_at = (select max(created_at) from idempotency_keys)`
    const again = await register()
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('Idempotent-Replayed')).toBeNull()
    expect((await api.call('GET', '/api/v1/payments', { key: String(again.body.api_key) })).status).toBe(200)
  })
})
