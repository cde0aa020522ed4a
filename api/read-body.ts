import type { Context, MiddlewareHandler } from 'hono'
import { BillingError, type FieldProblem } from '../domain/errors.ts'

/** Bodies: bounded, decoded strictly, and free of what the database or a later reader would choke on. */

/** Deeper than any body we take; JSON nests without limit, and so would whoever walks it. */
const MAX_DEPTH = 12

/** Reads at most so many bytes, however the body is sent.
 *  @throws BillingError `body_too_large`, or `malformed_body` for bytes that are not UTF-8. */
export async function readText(c: Context, maxBytes: number): Promise<string> {
  const declared = Number(c.req.header('Content-Length') ?? 0)
  if (declared > maxBytes) throw tooLarge(maxBytes)
  const chunks: Uint8Array[] = []
  let size = 0
  // Read by hand: leaving a `for await` early would cancel the body, which cuts the connection before the answer is sent.
  const reader = c.req.raw.body?.getReader()
  for (;;) {
    const { value: chunk } = (await reader?.read().catch(endedEarly)) ?? {}
    if (!chunk) break
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  } catch (error) {
    throw new BillingError('malformed_body', { detail: 'The body is not valid UTF-8.', cause: error })
  }
}

/** The caller is gone, so nobody reads this; but it is his end of the line and no defect of ours. */
function endedEarly(cause: unknown): never {
  throw new BillingError('malformed_body', { detail: 'The body ended early.', cause })
}

const tooLarge = (maxBytes: number) =>
  new BillingError('body_too_large', { detail: `The body is larger than ${maxBytes / 1024} KiB.` })

export interface BodyEnv {
  Variables: { body: unknown }
}

/** Reads and checks the JSON body of a POST or PUT before the route's own schema sees it. No body at all is an empty object, so
 *  that whoever forgot it is told which fields are missing. */
export function readJsonBody(maxBytes: number): MiddlewareHandler<BodyEnv> {
  return async (c, next) => {
    if (c.req.method !== 'POST' && c.req.method !== 'PUT') return next()
    const text = await readText(c, maxBytes)
    const mediaType = c.req.header('Content-Type')?.split(';')[0]?.trim().toLowerCase()
    if (text !== '' && mediaType !== 'application/json') throw new BillingError('unsupported_media_type')
    const body = text === '' ? {} : parseJson(text)
    c.set('body', body)
    // The validators read the body from here: the stream has been used up. Where nothing says what is sent they find the empty
    // object by themselves, and would ask for the type of one that they are given.
    const isEmptyObject = text === '' && mediaType !== undefined
    Object.assign(c.req.bodyCache, { text: Promise.resolve(isEmptyObject ? '{}' : text) })
    await next()
  }
}

/** @throws BillingError `malformed_body`, or `invalid_request` naming the fields that hold what nothing can store. */
export function parseJson(text: string): unknown {
  if (depthOf(text) > MAX_DEPTH)
    throw new BillingError('malformed_body', {
      detail: `The body is nested deeper than ${MAX_DEPTH} levels.`,
    })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new BillingError('malformed_body', { cause: error })
  }
  const fields = unstorable(value, '')
  if (fields.length > 0) throw new BillingError('invalid_request', { fields: fields.slice(0, 50) })
  return value
}

/** How deep brackets nest, told without recursion and before anything is built. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (inString) {
      if (character === '\\') index += 1
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') deepest = Math.max(deepest, (depth += 1))
    else if (character === '}' || character === ']') depth -= 1
  }
  return deepest
}

/** Postgres stores neither U+0000 nor half a surrogate pair; `__proto__` is a field in JSON and a trap in JavaScript. */
function unstorable(value: unknown, path: string): FieldProblem[] {
  if (typeof value === 'string')
    return flawOf(value).map((message) => ({ path, message: `${path || 'The body'} ${message}` }))
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, part]) => {
    const name = path === '' ? key : `${path}.${key}`
    if (key === '__proto__')
      return [{ path: name, message: '"__proto__" cannot be the name of a field; rename it.' }]
    const flaws = flawOf(key).map((message) => ({
      path,
      message: `A field name of ${path || 'the body'} ${message}`,
    }))
    return [...flaws, ...(flaws.length === 0 ? unstorable(part, name) : [])]
  })
}

function flawOf(text: string): string[] {
  if (text.includes('\0')) return ['must not contain the character U+0000; remove it.']
  if (/\p{Surrogate}/u.test(text))
    return ['must be well-formed Unicode; it contains half of a surrogate pair.']
  return []
}
