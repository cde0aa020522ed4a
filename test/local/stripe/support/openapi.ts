import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Ajv, type ErrorObject, type SchemaObject, type ValidateFunction } from 'ajv'
import { listFields, overlayCalls, overlayFields } from './api-overlay.ts'
import { brief, at, type Json } from './json.ts'

const moduleVersion = 'github.com/stripe/stripe-mock@v0.203.0'

/** The schemas of Stripe's published description, the overlay applied, with no field allowed that is not in them. */
export interface ApiDescription {
  /** The problems of an answer, judged by the schema of its operation; an unknown operation is a problem too. */
  problemsOfAnswer(method: string, path: string, status: number, body: Json): string[]
  /** The problems of an object that says what it is, such as what an event carries. */
  problemsOfObject(schema: string, value: Json): string[]
  /** The types of event that an endpoint may ask for. */
  eventTypes: Set<string>
}

interface Operation {
  requestBody?: { content: Record<string, { schema: SchemaObject }> }
  responses: Record<string, { content: { 'application/json': { schema: SchemaObject } } }>
}

interface OpenApiDocument {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, SchemaObject> }
}

/** The description as it comes with a Go module, or why it could not be had. */
export async function loadApiDescription(): Promise<ApiDescription | { unavailable: string }> {
  let directory: string
  try {
    const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', moduleVersion], {
      timeout: 60_000,
    })
    directory = (JSON.parse(stdout) as { Dir: string }).Dir
  } catch (error) {
    return { unavailable: `go could not download ${moduleVersion}: ${String(error).split('\n')[0]}` }
  }
  return describeApi(
    JSON.parse(await readFile(`${directory}/embedded/openapi/spec3.json`, 'utf8')) as OpenApiDocument,
  )
}

function describeApi(document: OpenApiDocument): ApiDescription {
  const { schemas } = document.components
  for (const { schema, field, is } of overlayFields) {
    const properties = schemas[schema]?.['properties']
    if (!properties) throw new Error(`The overlay names ${schema}, which the description does not have`)
    if (field in properties)
      throw new Error(`The description knows ${schema}.${field}: the overlay need not name it`)
    properties[field] = is
  }

  for (const { call, answersAs } of overlayCalls) {
    const known = document.paths[answersAs]
    if (!known || call in document.paths) throw new Error(`The overlay need not, or cannot, name ${call}`)
    document.paths[call] = known
  }

  const root = { components: { schemas: mapValues(schemas, (schema) => strict(schema, schemas)) } }
  const ajv = new Ajv({
    code: { optimize: false },
    inlineRefs: false,
    strict: false,
    validateFormats: false,
    allErrors: true,
  })
  ajv.addSchema(root, 'stripe')
  const operations = operationsOf(document)
  const compiled = new Map<string, ValidateFunction>()

  const problems = (key: string, schema: SchemaObject, value: Json): string[] => {
    let validate = compiled.get(key)
    if (!validate) compiled.set(key, (validate = ajv.compile(absolute(strict(schema, schemas)))))
    if (validate(value)) return []
    // That a choice of schemas failed says nothing beside why the chosen one did.
    const telling = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if' && keyword !== 'anyOf')
    return [
      ...new Set(
        (telling.length > 0 ? telling : (validate.errors ?? [])).map((error) => problemOf(error, value)),
      ),
    ]
  }

  // Nearly every schema leads to every other, so the first one compiles them all: here, and not while a test waits.
  ajv.getSchema('stripe#/components/schemas/customer')

  const newEndpoint = document.paths['/v1/webhook_endpoints']?.['post']?.requestBody
  const endpointFields = newEndpoint?.content['application/x-www-form-urlencoded']?.schema['properties']
  const eventTypes = new Set<string>(endpointFields?.['enabled_events']?.['items']?.['enum'])

  return {
    eventTypes,
    problemsOfAnswer(method, path, status, body) {
      const operation = operations.find(
        (operation) => operation.method === method && operation.pattern.test(path),
      )
      if (!operation) return status === 404 ? [] : [`${method} ${path} is not part of Stripe's API`]
      const outcome = status === 200 ? '200' : 'default'
      const schema = operation.responses[outcome]?.content['application/json'].schema
      return schema ? problems(`${operation.method} ${operation.template} ${outcome}`, schema, body) : []
    },
    problemsOfObject(schema, value) {
      if (!(schema in schemas)) return [`${schema} is not an object of Stripe's API`]
      return problems(schema, { $ref: `#/components/schemas/${schema}` }, value)
    },
  }
}

/** Paths with fewer variables come first: `/v1/invoices/create_preview` is no invoice. */
function operationsOf({ paths }: OpenApiDocument) {
  return Object.entries(paths)
    .toSorted(([first], [second]) => first.split('{').length - second.split('{').length)
    .flatMap(([template, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => ({
        template,
        method: method.toUpperCase(),
        pattern: new RegExp(`^${template.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]+')}$`),
        responses,
      })),
    )
}

/**
 * OpenAPI 3.0 as JSON Schema: `nullable` becomes a null alternative, an object may have no field that is not
 * described, and of several objects the one is judged whose `object` field says so: the report then names what is
 * wrong with it instead of why it is none of the others.
 */
function strict(schema: SchemaObject, schemas: Record<string, SchemaObject>): SchemaObject {
  const { nullable, anyOf, properties, items, additionalProperties, enum: values, ...rest } = schema
  const result: SchemaObject = { ...rest }
  if (properties) {
    const fields = properties as Record<string, SchemaObject>
    const isList = (fields['object']?.['enum'] as string[] | undefined)?.[0] === 'list'
    result['properties'] = mapValues({ ...fields, ...(isList ? listFields : {}) }, (field) =>
      strict(field, schemas),
    )
    result['additionalProperties'] = false
  }
  if (typeof additionalProperties === 'object')
    result['additionalProperties'] = strict(additionalProperties, schemas)
  if (additionalProperties === true) result['additionalProperties'] = true
  if (items) result['items'] = strict(items, schemas)
  if (values) result['enum'] = values
  if (anyOf)
    Object.assign(
      result,
      chosen(
        anyOf.map((branch: SchemaObject) => strict(branch, schemas)),
        schemas,
      ),
    )
  return nullable === true ? conditional({ type: 'null' }, {}, result) : result
}

/** `anyOf` as a chain of questions where the branches can be told apart, and as it is where they cannot. */
function chosen(branches: SchemaObject[], schemas: Record<string, SchemaObject>): SchemaObject {
  const [first, ...others] = branches.toSorted((a, b) => questionRank(a) - questionRank(b))
  if (!first || others.length === 0) return first ?? {}
  const question = questionFor(first, schemas)
  if (!question) return { anyOf: branches }
  return conditional(question, first, chosen(others, schemas))
}

const conditional = (question: SchemaObject, yes: SchemaObject, no: SchemaObject): SchemaObject =>
  // oxlint-disable-next-line unicorn/no-thenable -- the word is JSON Schema's
  ({ if: question, then: yes, else: no })

const nameOf = (branch: SchemaObject): string | undefined => branch['$ref']?.split('/').at(-1)
const isDeleted = (branch: SchemaObject) => nameOf(branch)?.startsWith('deleted_') === true

/** A deleted object answers to the same name as the object, so it is asked about before. */
const questionRank = (branch: SchemaObject) => (nameOf(branch) === undefined ? 0 : isDeleted(branch) ? 1 : 2)

function questionFor(branch: SchemaObject, schemas: Record<string, SchemaObject>): SchemaObject | undefined {
  const name = nameOf(branch)
  if (name === undefined) return branch['type'] === undefined ? undefined : { type: branch['type'] }
  const types: unknown = schemas[name]?.['properties']?.['object']?.['enum']
  if (types === undefined) return undefined
  const deleted = isDeleted(branch) ? { deleted: { const: true } } : {}
  return {
    properties: { object: { enum: types }, ...deleted },
    required: ['object', ...Object.keys(deleted)],
  }
}

function problemOf({ instancePath, keyword, message, params }: ErrorObject, value: Json): string {
  const path = `$${instancePath.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')}`
  if (keyword === 'additionalProperties') {
    const field = String(params['additionalProperty'])
    return `${path}.${field}: not in Stripe's description, got ${brief(at(value, `${path.slice(1)}.${field}`))}`
  }
  if (keyword === 'required') return `${path}.${params['missingProperty']}: missing`
  const allowed = keyword === 'enum' ? ` ${brief(params['allowedValues'])}` : ''
  return `${path}: ${message}${allowed}, got ${brief(at(value, path.slice(1)))}`
}

/** References of a schema that stands outside the document point into it. */
function absolute(schema: SchemaObject): SchemaObject {
  return JSON.parse(
    JSON.stringify(schema).replaceAll('"#/components/', '"stripe#/components/'),
  ) as SchemaObject
}

const mapValues = <Value, Result>(record: Record<string, Value>, map: (value: Value) => Result) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
