import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, serve } from '../../api/serve.ts'
import { errorCatalog } from '../../domain/errors.ts'
import { openBrowser } from '../support/browser.ts'
import { createTestApi, type TestApi } from './support/api.ts'

let api: TestApi
let server: RunningServer

beforeAll(async () => {
  api = await createTestApi()
  server = await serve(api.fetch, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await server.close()
  await api.close()
})

interface Operation {
  operationId?: string
  summary?: string
  security?: unknown[]
  parameters?: { in?: string; name?: string; $ref?: string }[]
  requestBody?: unknown
  responses: Record<string, unknown>
}

const operations = () =>
  Object.entries(api.document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation: operation as Operation })),
  )

describe('the OpenAPI document', () => {
  it('is of version 3.1, and each of its references leads somewhere', () => {
    expect(api.document.openapi).toBe('3.1.0')
    const references = JSON.stringify(api.document).matchAll(/"\$ref":"#\/([^"]+)"/g)
    for (const [, pointer = ''] of references) {
      const target = pointer
        .split('/')
        .reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], api.document)
      expect({ pointer, target }).toEqual({ pointer, target: expect.anything() })
    }
  })

  it('holds only schemas that are JSON Schema', () => {
    const ajv = new Ajv2020({
      strict: true,
      strictRequired: false,
      allowUnionTypes: true,
      formats: { 'date-time': true },
    })
    ajv.addVocabulary(['example', 'components', 'paths', 'info', 'openapi', 'servers', 'tags'])
    const { components } = api.document as unknown as { components: { schemas: Record<string, object> } }
    ajv.addSchema({ $id: 'openapi', components })
    for (const name of Object.keys(components.schemas))
      expect(() => ajv.compile({ $ref: `openapi#/components/schemas/${name}` })).not.toThrow()
  })

  it('describes every route that is served, and none that is not', () => {
    const served = api.routes
      .filter(({ path }) => !/^\/(docs|openapi)/.test(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    const described = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    expect(described.toSorted()).toEqual([...new Set(served)].toSorted())
  })

  it('tells of each endpoint what it does, which key it needs and how it refuses', () => {
    for (const { path, method, operation } of operations()) {
      const { summary, security, parameters = [], responses } = operation
      const isOfApi = path.startsWith('/api/v1/')
      const told = {
        where: `${method} ${path}`,
        summary: Boolean(summary),
        inPath: parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
        security,
        refusals: ['400', '401', '403', '503'].filter((status) => isOfApi && status in responses),
        takesIdempotencyKey: parameters.some(({ $ref }) => $ref?.endsWith('/IdempotencyKey')),
      }
      expect(told).toEqual({
        where: told.where,
        summary: true,
        inPath: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        security: isOfApi ? [{ key: [] }] : undefined,
        refusals: isOfApi ? ['400', '401', '403', '503'] : [],
        takesIdempotencyKey: isOfApi && method === 'post',
      })
    }
  })

  it('refuses unknown fields in every body, as the API does, and tells how bodies are refused', () => {
    const bodies = operations().filter(({ operation }) => operation.requestBody)
    expect(bodies.length).toBeGreaterThan(25)
    for (const { path, method, operation } of bodies) {
      const open = openObjects(operation.requestBody)
      const untold = ['400', '413', '415'].filter((status) => !(status in operation.responses))
      expect({ where: `${method} ${path}`, open, untold }).toEqual({
        where: `${method} ${path}`,
        open: [],
        untold: [],
      })
    }
  })

  /** The objects within a schema, references followed, that take any field of any kind. */
  function openObjects(schema: unknown, where = ''): string[] {
    if (typeof schema !== 'object' || schema === null) return []
    const { $ref: reference, properties, additionalProperties } = schema as Record<string, unknown>
    if (typeof reference === 'string') {
      const { components } = api.document as unknown as { components: { schemas: Record<string, unknown> } }
      const name = reference.replace('#/components/schemas/', '')
      return openObjects(components.schemas[name], `${where}/${name}`)
    }
    const isOpen = properties !== undefined && 'type' in schema && additionalProperties !== false
    return [
      ...(isOpen ? [where] : []),
      ...Object.entries(schema).flatMap(([name, part]) => openObjects(part, `${where}/${name}`)),
    ]
  }
})

describe('the page of documentation', () => {
  it('draws the API in a browser under its own strict policy, and asks nobody else for anything', async () => {
    const browser = await openBrowser()
    try {
      const page = await browser.newPage()
      const troubles: string[] = []
      const hosts = new Set<string>()
      page.on('console', (message) => {
        if (message.type() === 'error') troubles.push(message.text())
      })
      page.on('pageerror', (error) => troubles.push(error.message))
      page.on('request', (request) => {
        if (!request.url().startsWith('data:')) hosts.add(new URL(request.url()).origin)
      })
      await page.goto(`${server.url}/docs`)
      await page.getByText('Start a payment', { exact: true }).waitFor()
      expect(troubles).toEqual([])
      expect([...hosts]).toEqual([server.url])
    } finally {
      await browser.close()
    }
  })

  it('explains every error that a problem can name', async () => {
    const { body } = await api.call<string>('GET', '/docs/errors')
    for (const code of Object.keys(errorCatalog)) expect(body).toContain(`id="${code}"`)
  })
})
