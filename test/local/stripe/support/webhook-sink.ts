import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject, textAt, type JsonObject } from './json.ts'

export interface Delivery {
  event: JsonObject
  rawBody: string
  signature: string
}

export interface WebhookSink {
  url: string
  deliveries: Delivery[]
  /** What the next deliveries are answered with; 200 once it is used up. */
  answers: number[]
  /** Resolves with the deliveries once they satisfy the condition; fails loudly when they do not in time. */
  until(condition: (deliveries: Delivery[]) => boolean, what: string): Promise<Delivery[]>
  close(): Promise<void>
}

const patience_ms = 15_000

/** A webhook endpoint that keeps what it is sent, byte for byte. */
export async function openWebhookSink(): Promise<WebhookSink> {
  const deliveries: Delivery[] = []
  const answers: number[] = []
  const listeners = new Set<() => void>()

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const rawBody = Buffer.concat(chunks).toString('utf8')
      const event: unknown = JSON.parse(rawBody)
      if (!isObject(event)) throw new Error(`A webhook carried no object: ${rawBody}`)
      deliveries.push({ event, rawBody, signature: String(request.headers['stripe-signature']) })
      response.writeHead(answers.shift() ?? 200).end()
      for (const listener of listeners) listener()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const until: WebhookSink['until'] = (condition, what) =>
    new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer)
        listeners.delete(check)
      }
      const check = () => {
        if (!condition(deliveries)) return
        finish()
        resolve(deliveries)
      }
      const timer = setTimeout(() => {
        finish()
        const seen = deliveries.map(({ event }) => textAt(event, 'type')).join(', ')
        reject(new Error(`Waited ${patience_ms} ms for ${what}; received: ${seen || 'nothing'}`))
      }, patience_ms)
      listeners.add(check)
      check()
    })

  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    deliveries,
    answers,
    until,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections()
        server.close((error) => (error ? reject(error) : resolve()))
      }),
  }
}
