import { Counter, Histogram, Registry } from 'prom-client'

/** What Prometheus may ask. A registry of its own, so that two in one process do not mix. */
export interface Metrics {
  registry: Registry
  checkouts: Counter<'payment_type' | 'outcome'>
  webhooks: Counter<'type' | 'outcome'>
  requestSeconds: Histogram<'method' | 'route' | 'status'>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    checkouts: new Counter({
      name: 'checkout_total',
      help: 'Payments requested, by type and by what came of the request.',
      labelNames: ['payment_type', 'outcome'],
      registers,
    }),
    webhooks: new Counter({
      name: 'webhook_events_total',
      help: 'Webhooks received, by event type and by what came of them: stored, duplicate, refused.',
      labelNames: ['type', 'outcome'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to answer a request.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    }),
  }
}
