import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** Holds answers to the OpenAPI document that the API itself serves. */

interface Operation {
  responses: Record<string, { content?: Record<string, unknown> }>
}
export interface OpenApiDocument {
  openapi: string
  paths: Record<string, Record<string, Operation>>
}

export interface Conformance {
  /** What of an answer the document does not promise; nothing for a route that it does not know. */
  flawsOf(method: string, path: string, answer: Answered): string[]
}

export interface Answered {
  status: number
  contentType: string
  body: unknown
}

export function createConformance(document: OpenApiDocument): Conformance {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'openapi')
  const validators = new Map<string, ValidateFunction>()
  const routes = Object.keys(document.paths).map((template) => ({
    template,
    pattern: new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
  }))
  // A path that is spelt out comes before one with a parameter in its place.
  routes.sort((a, b) => a.template.split('{').length - b.template.split('{').length)

  return {
    flawsOf(method, path, { status, contentType, body }) {
      const template = routes.find(({ pattern }) => pattern.test(path))?.template
      const operation = template && document.paths[template]?.[method.toLowerCase()]
      if (!template || !operation) return []
      const where = `${method} ${template} ${status}`
      const response = operation.responses[status]
      if (!response) return [`${where} is not in the document`]
      if (!response.content) return body === undefined ? [] : [`${where} promises no body`]
      const mediaType = contentType.split(';')[0] ?? ''
      if (!(mediaType in response.content)) return [`${where} promises no ${mediaType}`]
      const pointer = [
        'paths',
        template,
        method.toLowerCase(),
        'responses',
        String(status),
        'content',
        mediaType,
      ]
      const reference = `openapi#/${pointer.map(escapePointer).join('/')}/schema`
      const validate = validators.get(reference) ?? ajv.compile({ $ref: reference })
      validators.set(reference, validate)
      if (validate(body)) return []
      return [`${where}: ${ajv.errorsText(validate.errors)}`]
    },
  }
}

const escapePointer = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
