import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Account } from './account.ts'
import { Api } from './http/api.ts'
import { StripeError, internalError } from './http/errors.ts'
import { LocalApi } from './http/local-api.ts'
import { jobsOf } from './jobs.ts'
import type { Settings } from './objects/settings.ts'
import type { Page } from './page/layout.ts'
import { hostedPage } from './page/pages.ts'
import { routes } from './routes/routes.ts'
import { Journal } from './store/journal.ts'
import { Courier } from './webhooks/courier.ts'

export interface LocalStripeOptions {
  /** 0 or nothing takes a free one. */
  port?: number
  /** Keeps the state over restarts; without it everything is forgotten at the end. */
  stateFile?: string
  /** Loopback unless told otherwise: anyone who can reach it may do anything with it. */
  host?: string
  /** Where browsers and clients reach it, when that is not the host and port it listens on. */
  publicUrl?: string
  /** What the account's owner would choose in the dashboard. */
  settings?: Partial<Settings>
}

export interface LocalStripe {
  url: string
  port: number
  close(): Promise<void>
}

const bodyLimitBytes = 4 * 1024 * 1024

/** Starts a stand-in for Stripe: its API, the hosted pages, and the webhooks that follow from both. */
export async function startLocalStripe(options: LocalStripeOptions = {}): Promise<LocalStripe> {
  const journal = new Journal(options.stateFile)
  const account = new Account(journal)
  journal.load()
  if (options.settings) account.changeSettings(options.settings)
  const localApi = new LocalApi(account, routes)
  const faults = () => localApi.faults
  const api = new Api(account, faults, routes)
  const courier = new Courier(account, faults)
  account.onEvent((event) => courier.announce(event))

  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => {
      console.error('The local Stripe could not answer', error)
      response.destroy()
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request
    const [path = '/', query = ''] = url.split(/\?(.*)/s)
    const body = await bodyOf(request)
    if (path.startsWith('/v1/')) {
      const answer = await api.answer({ method, path, query, body, headers })
      if (answer.lost) request.socket.destroy()
      else send(response, answer)
    } else if (path.startsWith('/_local/'))
      send(
        response,
        localAnswer(() => localApi.answer(method, path, body)),
      )
    else send(response, hostedPage(account, method, path, body))
  }

  // Longer than clients keep an idle connection, so that none is closed just as it is used again.
  server.keepAliveTimeout = 75_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  account.baseUrl = options.publicUrl ?? url
  courier.start()
  account.agenda.start(jobsOf(account))

  return {
    url,
    port,
    async close() {
      account.agenda.stop()
      courier.stop()
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
      await journal.close()
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    const bytes = part as Buffer
    length += bytes.length
    if (length > bodyLimitBytes) throw new Error('The body is too large')
    parts.push(bytes)
  }
  return Buffer.concat(parts).toString('utf8')
}

function send(response: ServerResponse, { status, headers, body }: Page): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

function localAnswer(work: () => object): Page {
  const headers = { 'content-type': 'application/json' }
  const shown = (status: number, value: object): Page => ({
    status,
    headers,
    body: `${JSON.stringify(value, null, 2)}\n`,
  })
  try {
    return shown(200, work())
  } catch (error) {
    if (!(error instanceof StripeError)) console.error('The local Stripe failed', error)
    const { status, body } = error instanceof StripeError ? error : internalError()
    return shown(status, { error: body })
  }
}
