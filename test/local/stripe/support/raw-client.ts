import { isObject, type Json, type JsonObject } from './json.ts'

export type Parameters = readonly (readonly [name: string, value: string])[]

export interface Answer {
  method: string
  path: string
  status: number
  headers: Headers
  body: JsonObject
}

export interface RawClient {
  get(path: string, parameters?: Parameters): Promise<Answer>
  post(path: string, parameters?: Parameters, headers?: Record<string, string>): Promise<Answer>
  delete(path: string, parameters?: Parameters): Promise<Answer>
  send(
    method: string,
    path: string,
    parameters: Parameters,
    headers?: Record<string, string>,
  ): Promise<Answer>
}

/**
 * Speaks to Stripe's API without an SDK, so that the bytes of the answer are what is judged. Every answer passes
 * `onAnswer`, which is how a scripted session is validated as a whole.
 */
export function rawClient(apiBase: string, onAnswer: (answer: Answer) => void = () => {}): RawClient {
  const send: RawClient['send'] = async (method, path, parameters, headers = {}) => {
    const encoded = new URLSearchParams(
      parameters.map(([name, value]): [string, string] => [name, value]),
    ).toString()
    const inQuery = method !== 'POST' && encoded !== ''
    const response = await fetch(`${apiBase}${path}${inQuery ? `?${encoded}` : ''}`, {
      method,
      headers: {
        authorization: 'Bearer sk_test_raw',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      ...(method === 'POST' ? { body: encoded } : {}),
    })
    const body: unknown = JSON.parse(await response.text())
    if (!isObject(body)) throw new Error(`${method} ${path} did not answer a JSON object`)
    const answer: Answer = { method, path, status: response.status, headers: response.headers, body }
    onAnswer(answer)
    return answer
  }
  return {
    send,
    get: (path, parameters = []) => send('GET', path, parameters),
    post: (path, parameters = [], headers) => send('POST', path, parameters, headers),
    delete: (path, parameters = []) => send('DELETE', path, parameters),
  }
}

/** Nested values as Stripe's form encoding writes them: `{ items: [{ price }] }` becomes `items[0][price]=…`. */
export function formOf(values: JsonObject | Json[], parent = ''): Parameters {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = parent === '' ? name : `${parent}[${name}]`
    if (typeof value === 'object' && value !== null) return formOf(value, path)
    return value === null ? [] : [[path, String(value)] as const]
  })
}
