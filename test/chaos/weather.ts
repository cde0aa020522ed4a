import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import type { StripeFaults } from '../support/local-stripe.ts'
import type { OwnServers } from '../support/own-servers.ts'
import type { Product } from '../support/product.ts'
import type { Restartable } from '../support/restartable.ts'
import type { Fault } from './schedule.ts'

/** What business is done over. The clocks of Stripe and what is done by hand there are not what is proven. */
const paths = [
  '/v1/checkout',
  '/v1/customers',
  '/v1/products',
  '/v1/prices',
  '/v1/payment_intents',
  '/v1/charges',
  '/v1/invoices',
  '/v1/subscriptions',
  '/v1/subscription_schedules',
  '/v1/refunds',
  '/v1/credit_notes',
  '/v1/disputes',
  '/v1/payment_methods',
  '/v1/setup_intents',
  '/v1/invoice_payments',
]

type StripeFault = Extract<Fault, `Stripe ${string}` | `answers${string}` | `webhooks${string}`>

const ofStripe: Record<StripeFault, (chance: number) => StripeFaults> = {
  'Stripe is too busy': (chance) => ({ api: { error_429: 0.2 + chance / 2 } }),
  'Stripe fails': (chance) => ({ api: { error_500: 0.2 + chance / 2 } }),
  'Stripe is slow': (chance) => ({ api: { delay_ms: 100 + Math.round(chance * 900) } }),
  'answers of Stripe are lost after the effect': (chance) => ({ api: { lost_answer: 0.2 + chance / 2 } }),
  'webhooks come twice': () => ({ webhooks: { duplicate: 1 } }),
  'webhooks come out of order': () => ({ webhooks: { reorder: 1 } }),
  'webhooks come late': (chance) => ({ webhooks: { delay_ms: 300 + Math.round(chance * 2_000) } }),
  'webhooks are lost': (chance) => ({ webhooks: { drop: 0.3 + chance * 0.7 } }),
}
const isOfStripe = (fault: Fault): fault is StripeFault => fault in ofStripe

/** When it goes on, what it was at counts as dead (heartbeats of 8 s) and is tried again beside it. */
const FROZEN_MS = 8_000

/** What goes wrong in a run. Each server is away once at a time; faults of Stripe add up. */
export function createWeather(product: Product, servers: OwnServers) {
  const atStripe = new Set<StripeFaults>()
  const queues = new Map<Restartable, Promise<void>>()

  async function tellStripe(): Promise<void> {
    const api = Object.assign({ paths }, ...[...atStripe].map((one) => one.api ?? {})) as StripeFaults['api']
    const webhooks = Object.assign({}, ...[...atStripe].map((one) => one.webhooks ?? {})) as object
    await product.stripe.faults({ api, webhooks })
  }

  /** Away for so long, and back. */
  function takeAway(server: Restartable, how: 'kill' | 'stop' | 'freeze', lasts_ms: number): Promise<void> {
    const before = queues.get(server)
    const goAndCome = async () => {
      await before
      await server[how](FROZEN_MS + lasts_ms)
      if (how === 'freeze') return
      await sleep(lasts_ms)
      // Postgres refuses to start for as long as one of its processes has not noticed that the first is gone.
      await eventually('the server is back', () => server.ensure().then(() => true), { within_ms: 60_000 })
    }
    const turn = goAndCome()
    queues.set(server, turn)
    return turn
  }

  return {
    /** Resolves when it is over. */
    async strike(fault: Fault, lasts_ms: number, chance: number): Promise<void> {
      if (isOfStripe(fault)) {
        const part = ofStripe[fault](chance)
        atStripe.add(part)
        await tellStripe()
        await sleep(lasts_ms)
        atStripe.delete(part)
        return tellStripe()
      }
      const how = chance < 0.5 ? 'kill' : 'stop'
      switch (fault) {
        case 'the worker is killed':
          return takeAway(product.worker, 'kill', lasts_ms)
        case 'the worker is frozen':
          return takeAway(product.worker, 'freeze', lasts_ms)
        case 'the API is killed':
          return takeAway(product.api, 'kill', lasts_ms)
        case 'Postgres is restarted':
          return takeAway(servers.postgres, how, lasts_ms)
        case 'Kafka is restarted':
          return takeAway(servers.kafka, how, lasts_ms)
        case 'Temporal is restarted':
          return takeAway(servers.temporal, how, lasts_ms)
      }
    },
    async clearUp(): Promise<void> {
      await product.stripe.endFaults()
      await Promise.all(
        [servers.postgres, servers.temporal, servers.kafka].map((server) =>
          eventually('a server is up', () => server.ensure().then(() => true), { within_ms: 60_000 }),
        ),
      )
      await Promise.all([product.api.ensure(), product.worker.ensure()])
    },
  }
}
