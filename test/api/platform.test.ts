import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, serve } from '../../api/serve.ts'
import { createTestApi, operatorKey, type Problem, type TestApi } from './support/api.ts'
import { fill, routesOf } from './support/routes.ts'

let api: TestApi
let server: RunningServer
let key: string
let projectId: string

beforeAll(async () => {
  api = await createTestApi()
  ;({ key, projectId } = await api.registerProject())
  server = await serve(api.fetch, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await server.close()
  await api.close()
})

describe('what nobody serves', () => {
  it.each(['/', '/api', '/api/v1', '/api/v2/payments', '/api/v1/payments/', '/api/v1/nothing'])(
    'is a problem of its own: %s',
    async (path) => {
      expect(await api.refusal('GET', path)).toBe('404 route_not_found')
      expect(await api.refusal('POST', path, { body: {} })).toBe('404 route_not_found')
    },
  )

  it('is not served out of a package either', async () => {
    for (const file of ['index.js', 'package.json', '..%2fpackage.json', '__proto__'])
      expect(await api.refusal('GET', `/docs/assets/${file}`)).toBe('404 route_not_found')
    expect((await api.call('GET', '/docs/assets/swagger-ui.css')).status).toBe(200)
  })

  it.each([
    ['DELETE', '/api/v1/payments', 'GET, POST, HEAD, OPTIONS'],
    ['PUT', '/api/v1/projects', 'GET, POST, HEAD, OPTIONS'],
    ['GET', '/webhooks/stripe', 'POST, OPTIONS'],
    ['PATCH', '/healthz', 'GET, HEAD, OPTIONS'],
  ])('by that method: %s %s', async (method, path, allowed) => {
    const answer = await api.call(method, path, { key })
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(answer.headers.get('Allow')).toBe(allowed)
  })

  it('can be asked for with OPTIONS, without a key and without an answer for other origins', async () => {
    const answer = await api.call('OPTIONS', '/api/v1/payments', { headers: { Origin: 'https://evil.test' } })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Allow')).toBe('GET, POST, HEAD, OPTIONS')
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull()
  })

  it('answers HEAD as GET without a body', async () => {
    const answer = await fetch(`${server.url}/api/v1/payments`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${key}` },
    })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })
})

describe('every answer', () => {
  it.each(['/healthz', '/api/v1/payments', '/nothing', '/openapi.json', '/docs'])(
    'carries ids and the headers that keep browsers careful: %s',
    async (path) => {
      const { headers } = await api.call('GET', path)
      expect(headers.get('X-Request-ID')).toMatch(/^req_[0-9a-f]{24}$/)
      expect(headers.get('X-Correlation-ID')).toBe(headers.get('X-Request-ID'))
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
      expect(headers.get('Referrer-Policy')).toBe('no-referrer')
    },
  )

  it('takes a correlation id that is harmless and no other', async () => {
    const correlationOf = async (given: string) => {
      const { headers } = await api.call('GET', '/healthz', { headers: { 'X-Correlation-ID': given } })
      return headers.get('X-Correlation-ID')
    }
    expect(await correlationOf('order-7:a.b_c')).toBe('order-7:a.b_c')
    for (const given of ['', 'a b', '{"a":1}', 'é', 'x'.repeat(129)])
      expect(await correlationOf(given)).toMatch(/^req_/)
  })

  it('is one line in the log: the route and who asked, but nothing that he sent', async () => {
    api.log.length = 0
    const path = '/api/v1/subscriptions/ana.souza?x=secret-query'
    const { headers } = await api.call('GET', path, { key, headers: { 'X-Correlation-ID': 'corr-9' } })
    const lines = api.log.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toEqual([
      expect.objectContaining({
        request_id: headers.get('X-Request-ID'),
        correlation_id: 'corr-9',
        method: 'GET',
        route: '/api/v1/subscriptions/:user_id',
        status: 200,
        actor: expect.stringMatching(/^key_/),
        project_id: expect.stringMatching(/^prj_/),
        msg: 'request',
      }),
    ])
    expect(api.log.join('')).not.toMatch(/ana\.souza|secret-query|qk_test/)
  })
})

describe('operations', () => {
  it('tells that it lives and that it is ready', async () => {
    expect(await api.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect((await api.call('GET', '/readyz')).body).toEqual({
      status: 'ready',
      postgres: 'up',
      temporal: 'up',
    })
  })

  it('tells its metrics, by route and never by path', async () => {
    await api.call('GET', '/api/v1/payments/pay_00000000000000000000000000/status', { key })
    const { body, headers } = await api.call<string>('GET', '/metrics')
    expect(headers.get('Content-Type')).toContain('text/plain')
    expect(body).toContain('route="/api/v1/payments/:payment_id/status",status="404"')
    expect(body).toContain('# TYPE checkout_total counter')
    expect(body).not.toContain('pay_0000')
  })
})

describe('bodies over the wire', () => {
  /** Sends a body piece by piece, so that nobody can know its size beforehand. */
  function sendInPieces(
    path: string,
    pieces: number,
    headers: Record<string, string> = {},
    method = 'POST',
  ): Promise<Problem> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        `${server.url}${path}`,
        { method, headers: { 'content-type': 'application/json', ...headers } },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (part: string) => (text += part))
          answer.on('end', () => resolve(JSON.parse(text) as Problem))
        },
      )
      // Once it has been refused, the rest of a body may find the connection closed.
      request.on('error', reject)
      request.write('{"padding":"')
      for (let piece = 0; piece < pieces; piece += 1) request.write('x'.repeat(64 * 1024))
      request.end('"}')
    })
  }

  it('are cut off at the limit, however they are sent', async () => {
    const authorization = `Bearer ${key}`
    expect(await sendInPieces('/api/v1/payments', 5, { authorization })).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
    expect(await sendInPieces('/webhooks/stripe', 20)).toMatchObject({ status: 413, code: 'body_too_large' })
    expect(await sendInPieces('/api/v1/payments', 3, { authorization })).toMatchObject({
      code: 'invalid_request',
    })
  })

  it('are cut off on every route that takes one', async () => {
    const named = new Proxy<Record<string, string>>({}, { get: () => projectId })
    const headers = { authorization: `Bearer ${operatorKey}`, 'X-Project-ID': projectId }
    for (const { name, method, path, takesBody } of routesOf(api.document)) {
      if (!takesBody) continue
      const { status } = await sendInPieces(fill(path, named), 5, headers, method)
      expect({ name, status }).toEqual({ name, status: 413 })
    }
  })

  it('are refused by their declared size before they are read', async () => {
    const body = JSON.stringify({ padding: 'x'.repeat(300 * 1024) })
    expect(await api.refusal('POST', '/api/v1/payments', { key, body })).toBe('413 body_too_large')
  })

  it('may be left out, together with their type, where nothing has to be said', async () => {
    const post = async (path: string, key: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${server.url}/api/v1/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, ...headers },
      })
      return [answer.status, ((await answer.json()) as Problem).errors?.map((error) => error.path)]
    }
    expect(await post('reconciliations', operatorKey)).toEqual([202, undefined])
    expect(await post('reconciliations', operatorKey, { 'content-type': 'application/json' })).toEqual([
      202,
      undefined,
    ])
    expect(await post('payments', key)).toEqual([400, ['user_id']])
  })

  it('are not read at all from whoever has no key', async () => {
    expect(await sendInPieces('/api/v1/payments', 3)).toMatchObject({ status: 401, code: 'key_missing' })
  })

  it('that end early are no defect of ours', async () => {
    api.log.length = 0
    const request = httpRequest(`${server.url}/api/v1/payments`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': '1000',
        authorization: `Bearer ${key}`,
      },
    })
    request.on('error', () => {}) // It is this side that hangs up.
    request.write('{"user_id":')
    await new Promise((resolve) => setTimeout(resolve, 200))
    request.destroy()
    await expect.poll(() => api.log.join('')).toContain('"status":400')
    expect(api.log.join('')).not.toContain('request failed')
  })

  it('work over a real connection from end to end', async () => {
    const answer = await fetch(`${server.url}/api/v1/payments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify({ user_id: 'user-1', plan_id: 'pro' }),
    })
    expect(answer.status).toBe(201)
  })
})

describe('the addresses told at registration', () => {
  it('are where the request came to', async () => {
    const answer = await fetch(`${server.url}/api/v1/projects`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Shop', currency: 'usd' }),
    })
    expect(await answer.json()).toMatchObject({ environment_variables: { QUITTANCE_API_URL: server.url } })
  })
})
