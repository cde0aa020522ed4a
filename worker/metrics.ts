import { Counter, Gauge } from 'prom-client'

/** What operators watch of the way out. */

export const eventsPublished = new Counter({
  name: 'quittance_outbox_published_total',
  help: 'Events that Kafka has acknowledged to this process.',
})

export const publishingFailures = new Counter({
  name: 'quittance_outbox_publish_failures_total',
  help: 'Batches that Kafka did not acknowledge and that will be sent again.',
})

export const eventsUnpublished = new Gauge({
  name: 'quittance_outbox_unpublished',
  help: 'Committed events that are not on Kafka yet (counted up to 10,000).',
})

export const oldestUnpublished = new Gauge({
  name: 'quittance_outbox_oldest_seconds',
  help: 'Age of the oldest committed event that is not on Kafka yet.',
})

export const parkedKeys = new Gauge({
  name: 'quittance_outbox_parked_keys',
  help: 'Message keys held back behind an event that Kafka refuses.',
})

export const shardsHeld = new Gauge({
  name: 'quittance_outbox_shards_held',
  help: 'Outbox shards that this process publishes.',
})
