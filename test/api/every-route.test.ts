import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { insertKey } from '../../db/keys.ts'
import { mintId } from '../../db/mint-id.ts'
import { parseId } from '../../domain/ids.ts'
import { hashKey } from '../../api/secrets.ts'
import { createTestApi, operatorKey, type TestApi } from './support/api.ts'
import { bodyOf, fill, type Route, routesOf } from './support/routes.ts'
import { seedTenant, type Tenant } from './support/tenant.ts'

/** What holds for each route of the document. */
let api: TestApi
let mine: Tenant
let routes: Route[]

beforeAll(async () => {
  api = await createTestApi()
  mine = await seedTenant(api, 'user-1')
  routes = routesOf(api.document)
})
afterAll(() => api.close())

describe('a key', () => {
  const refusalsOf = async (key: string) => {
    const refusals = new Set<string>()
    for (const { method, path } of routes)
      refusals.add(await api.refusal(method, fill(path, mine.named), { key }))
    return [...refusals]
  }

  it('that has expired opens no route', async () => {
    const expired = 'qk_test_expired'
    const projectId = parseId('prj', mine.projectId)
    await inProject(api.connections.application, projectId, (transaction) =>
      insertKey(transaction, {
        projectId,
        keyId: mintId('key'),
        keyHash: hashKey(expired),
        livemode: false,
        expiresAt: new Date(Date.now() - 1000),
      }),
    )
    expect(await refusalsOf(expired)).toEqual(['401 key_invalid'])
  })

  it('that was revoked opens no route', async () => {
    const keys = `/api/v1/projects/${mine.projectId}/keys`
    const { body } = await api.call('POST', keys, { key: operatorKey, body: {} })
    await api.call('DELETE', `${keys}/${String(body.key_id)}`, { key: operatorKey })
    expect(await refusalsOf(String(body.api_key))).toEqual(['401 key_invalid'])
  })

  it('of an operator who was let go opens no route', async () => {
    const made = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Ana', role: 'admin' },
    })
    await api.call('DELETE', `/api/v1/operators/${String(made.body.operator_id)}`, { key: operatorKey })
    expect(await refusalsOf(String(made.body.api_key))).toEqual(['401 key_invalid'])
  })

  it('of the other mode opens no route', async () => {
    const live = await createTestApi({ database: api.database, livemode: true })
    const { key } = await live.registerProject()
    await live.close()
    expect(await refusalsOf(key)).toEqual(['403 key_mode_mismatch'])
  })

  it.each(['nonsense', `qk_test_${'0'.repeat(48)}`, `${operatorKey}x`, `qk_live_${operatorKey}`])(
    'that nobody has made opens no route: %s',
    async (key) => {
      expect(await refusalsOf(key)).toEqual(['401 key_invalid'])
    },
  )
})

describe('a request', () => {
  /** Ours to set, or nobody's. */
  const forbidden = {
    project_id: 'prj_00000000000000000000000000',
    livemode: true,
    status: 'succeeded',
    amount_received: 1,
    customer_id: 'cst_00000000000000000000000000',
    stripe_customer_id: 'cus_1',
    stripe_price_id: 'price_1',
    checkout_url: 'https://evil.test/',
    created_at: '2020-01-01T00:00:00Z',
    requested_by: 'somebody else',
    actor: 'somebody else',
    constructor: {},
  }
  const asOperator = { key: operatorKey, headers: {} as Record<string, string> }
  beforeAll(() => {
    asOperator.headers = { 'X-Project-ID': mine.projectId }
  })

  it('cannot set what is ours to set, in any body', async () => {
    for (const route of routes.filter(({ takesBody }) => takesBody)) {
      const { status, errors } = await api.problem(route.method, fill(route.path, mine.named), {
        ...asOperator,
        body: { ...bodyOf(route, mine.named), ...forbidden },
      })
      const named = errors?.map(({ path }) => path).toSorted()
      expect({ route: route.name, status, named }).toEqual({
        route: route.name,
        status: 400,
        named: Object.keys(forbidden).toSorted(),
      })
    }
  })

  it('cannot ask for what no query knows', async () => {
    for (const { name, method, path } of routes.filter(({ query }) => query.length > 0)) {
      const address = `${fill(path, mine.named)}?project_id=prj_00000000000000000000000000`
      const { status, errors = [] } = await api.problem(method, address, asOperator)
      const named = errors.map((error) => error.path)
      expect({ name, status, named }).toEqual({
        name,
        status: 400,
        named: expect.arrayContaining(['project_id']) as string[],
      })
    }
  })

  it('tells no caller what they sent but should not have: the number of a card', async () => {
    const number = '4242424242424242'
    for (const route of routes.filter(({ takesBody }) => takesBody)) {
      const { errors = [], ...problem } = await api.problem(route.method, fill(route.path, mine.named), {
        ...asOperator,
        body: { ...bodyOf(route, mine.named), card: { number }, cvc: '123' },
      })
      expect(JSON.stringify({ errors, problem })).not.toContain(number)
    }
    expect(api.log.join('')).not.toContain(number)
  })
})
