import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Account } from '../account.ts'
import { happens, type Faults } from '../http/faults.ts'
import { eventBody, type StoredEvent } from '../objects/event.ts'
import type { WebhookEndpoint } from '../objects/webhook-endpoint.ts'
import { newDelivery, retryDelayMs, type Delivery } from './delivery.ts'
import { signatureHeader } from './signature.ts'

const atOnce = 64
const answerTimeoutMs = 10_000
const reorderWithinMs = 500

/** Brings events to the endpoints that asked for them, again and again until each has answered 2xx.
 *
 *  Many are under way at the same time and each goes at its own pace, so their order means nothing, as at Stripe. */
export class Courier {
  readonly #account: Account
  readonly #faults: () => Faults
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, maxSockets: atOnce }),
    https: new HttpsAgent({ keepAlive: true, maxSockets: atOnce }),
  }
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #ready: Delivery[] = []
  #underWay = 0
  #stopped = false

  constructor(account: Account, faults: () => Faults) {
    this.#account = account
    this.#faults = faults
  }

  /** Goes on with what an earlier run of the server had not delivered. */
  start(): void {
    for (const delivery of this.#account.deliveries.all()) this.#schedule(delivery)
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  announce(event: StoredEvent): void {
    const { webhooks } = this.#faults()
    for (const endpoint of this.#account.webhookEndpoints.all()) {
      if (endpoint.status !== 'enabled' || !wants(endpoint, event.type) || happens(webhooks.drop)) continue
      const late = webhooks.delay_ms + (happens(webhooks.reorder) ? Math.random() * reorderWithinMs : 0)
      this.#dispatch(event, endpoint, late)
      if (happens(webhooks.duplicate)) this.#dispatch(event, endpoint, late + Math.random() * reorderWithinMs)
    }
  }

  #dispatch(event: StoredEvent, endpoint: WebhookEndpoint, delayMs: number): void {
    const delivery = newDelivery(event.id, endpoint.id, Date.now() + delayMs)
    this.#schedule(this.#account.deliveries.insert(delivery))
  }

  #schedule(delivery: Delivery): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(delivery.id)
        this.#ready.push(delivery)
        this.#sendReady()
      },
      Math.max(delivery.nextAttemptAt - Date.now(), 0),
    )
    this.#timers.set(delivery.id, timer)
  }

  #sendReady(): void {
    while (!this.#stopped && this.#underWay < atOnce) {
      const delivery = this.#ready.shift()
      if (!delivery) return
      const event = this.#account.events.get(delivery.event)
      const endpoint = this.#account.webhookEndpoints.get(delivery.endpoint)
      if (!event || endpoint?.status !== 'enabled') {
        this.#account.deliveries.remove(delivery)
        continue
      }
      this.#underWay += 1
      this.#send(event, endpoint, (delivered) => {
        this.#underWay -= 1
        if (!this.#stopped) this.#settle(delivery, delivered)
        this.#sendReady()
      })
    }
  }

  #settle(delivery: Delivery, delivered: boolean): void {
    const { deliveries } = this.#account
    const attempts = delivery.attempts + 1
    const nextAttemptAt = Date.now() + retryDelayMs(attempts)
    if (delivered || nextAttemptAt > delivery.givenUpAt) {
      deliveries.remove(delivery)
      return
    }
    deliveries.change(delivery, { attempts, nextAttemptAt })
    this.#schedule(delivery)
  }

  #send(event: StoredEvent, endpoint: WebhookEndpoint, done: (delivered: boolean) => void): void {
    const pending = this.#account.deliveries.where('event', event.id).length
    // Stripe indents its events: who verifies anything but the raw body finds out here.
    const body = JSON.stringify(eventBody(event, pending, endpoint.api_version), null, 2)
    const secure = endpoint.url.startsWith('https:')
    const send = secure ? httpsRequest : httpRequest
    const request = send(endpoint.url, {
      method: 'POST',
      agent: secure ? this.#agents.https : this.#agents.http,
      timeout: answerTimeoutMs,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'stripe-signature': signatureHeader(body, endpoint.hidden.secret, Math.floor(Date.now() / 1000)),
      },
    })
    let settled = false
    const finish = (delivered: boolean): void => {
      if (settled) return
      settled = true
      done(delivered)
    }
    request.on('response', (response) => {
      const { statusCode = 0 } = response
      response.resume()
      response.on('end', () => finish(statusCode >= 200 && statusCode < 300))
      response.on('error', () => finish(false))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => finish(false))
    request.on('close', () => finish(false))
    request.end(body)
  }
}

const wants = ({ enabled_events: enabled }: WebhookEndpoint, type: string): boolean =>
  enabled.includes('*') || enabled.includes(type)
