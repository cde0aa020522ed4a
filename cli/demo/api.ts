import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DemoFailure } from './failure.ts'

/** Quittance's API, as a backend of a project calls it. */
export interface Api {
  get<Shown>(path: string): Promise<Shown>
  post<Shown>(path: string, body: object): Promise<Shown>
}

/** How long an answer that is not final yet is asked for again. */
const PATIENCE_MS = 30_000

export function createApi({ apiUrl, key }: { apiUrl: string; key: string }): Api {
  async function call<Shown>(method: string, path: string, body?: object): Promise<Shown> {
    const deadline = Date.now() + PATIENCE_MS
    // The same key in each try, so that whatever was done already is not done twice.
    const idempotencyKey = randomUUID()
    for (;;) {
      const answer = await fetch(`${apiUrl}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body && { 'content-type': 'application/json', 'idempotency-key': idempotencyKey }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      }).catch((error: unknown) => {
        throw new DemoFailure(`${method} ${apiUrl}/api/v1${path} was not answered: ${reasonOf(error)}.`)
      })
      const shown: unknown = await answer.json().catch(() => ({}))
      if (answer.ok) return shown as Shown
      const problem = shown as { title?: string; detail?: string; code?: string }
      const isFinal =
        answer.status !== 503 && answer.status !== 429 && problem.code !== 'idempotency_in_progress'
      if (isFinal || Date.now() > deadline)
        throw new DemoFailure(
          `${method} /api/v1${path} was refused with ${answer.status}: ${problem.detail ?? problem.title ?? 'no reason given'}`,
        )
      await sleep(1_000 * Number(answer.headers.get('retry-after') ?? 1))
    }
  }
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
  }
}

/** `fetch` says why in the cause of its error. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
}
