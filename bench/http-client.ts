import { Agent, request } from 'node:http'

/** Plain `node:http` with connections that stay open: the caller shares the machine with what it measures, so it must cost
 *  as little as it can. */
export interface HttpClient {
  post(path: string, body: string, headers?: Record<string, string>): Promise<HttpAnswer>
  close(): void
}

export interface HttpAnswer {
  status: number
  text: string
}

const ANSWER_LIMIT_MS = 30_000

export function createHttpClient(baseUrl: string): HttpClient {
  const { hostname, port } = new URL(baseUrl)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  return {
    post(path, body, headers = {}) {
      return new Promise((resolve, reject) => {
        const sent = request({
          hostname,
          port,
          path,
          method: 'POST',
          agent,
          timeout: ANSWER_LIMIT_MS,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            ...headers,
          },
        })
        sent.once('error', reject)
        sent.once('timeout', () => sent.destroy(new Error(`${path} did not answer`)))
        sent.once('response', (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            text += chunk
          })
          answer.once('error', reject)
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }))
        })
        sent.end(body)
      })
    },
    close: () => agent.destroy(),
  }
}

/** The text of an answer.
 *  @throws when it has another status than this */
export function expectStatus(expected: number, { status, text }: HttpAnswer): string {
  if (status !== expected) throw new Error(`answered ${status}, not ${expected}: ${text}`)
  return text
}
