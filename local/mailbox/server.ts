/** A mailbox for development and tests: takes every mail by SMTP and shows it on a page and as JSON. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { noFaults, parseFaults } from './faults.ts'
import { Mails } from './mails.ts'
import { mailboxPage, mailFrame } from './page.ts'
import { createSmtpServer } from './smtp.ts'

export interface Mailbox {
  /** The page. */
  url: string
  smtpUrl: string
  close: () => Promise<void>
}

interface Answer {
  status: number
  type: string
  body: string
  policy?: string
}

/** Nothing is loaded from anywhere, whatever a mail asks for. */
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

/** Listens on loopback only; a port that is not named is any free one. */
export async function startMailbox(options: { port?: number; smtpPort?: number } = {}): Promise<Mailbox> {
  const mails = new Mails()
  let faults = noFaults
  const smtp = createSmtpServer(mails, () => faults)
  const pages = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      console.error('The mailbox could not answer', error)
      response.destroy()
    })
  })
  const [port, smtpPort] = await Promise.all([
    listen(pages, options.port ?? 0),
    listen(smtp.server, options.smtpPort ?? 0),
  ])
  return {
    url: `http://127.0.0.1:${port}`,
    smtpUrl: `smtp://127.0.0.1:${smtpPort}`,
    close: async () => {
      await Promise.all([
        new Promise<void>((resolve) => smtp.close(() => resolve())),
        new Promise<void>((resolve) => {
          pages.close(() => resolve())
          pages.closeAllConnections()
        }),
      ])
    },
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://mailbox')
    const answer = answerTo(`${request.method} ${pathname}`, searchParams, await text(request))
    const { status, type, body, policy = "default-src 'none'" } = answer
    response
      .writeHead(status, {
        'content-type': type,
        'content-security-policy': policy,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      .end(body)
  }

  function answerTo(call: string, query: URLSearchParams, body: string): Answer {
    const to = query.get('to') || undefined
    if (call === 'GET /') {
      const chosen = mails.find(query.get('mail') ?? '') ?? mails.list(to)[0]
      return html(200, mailboxPage(mails.list(to), to ?? '', chosen), pagePolicy)
    }
    if (call === 'GET /_local/mails') return json(200, { data: mails.list(to) })
    if (call === 'DELETE /_local/mails') return json(200, { deleted: mails.remove(to) })
    if (call === 'DELETE /_local/faults') return json(200, (faults = noFaults))
    if (call === 'POST /_local/faults') {
      try {
        return json(200, (faults = parseFaults(JSON.parse(body))))
      } catch (error) {
        return json(400, { error: (error as Error).message })
      }
    }
    const mail = mails.find(/^GET \/mails\/(\d+)$/.exec(call)?.[1] ?? '')
    return mail ? html(200, mailFrame(mail), mailPolicy) : json(404, { error: 'not found' })
  }
}

const html = (status: number, body: string, policy: string): Answer => ({
  status,
  type: 'text/html; charset=utf-8',
  body,
  policy,
})

const json = (status: number, value: object): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value, undefined, 2)}\n`,
})

/** @returns the port. */
async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
  return (server.address() as AddressInfo).port
}
