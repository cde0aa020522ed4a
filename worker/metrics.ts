import { Counter, Gauge } from 'prom-client'

/** What operators watch of the ways out. */

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

export const noticesSent = new Counter({
  name: 'quittance_notices_sent_total',
  help: 'Notices whose mail the mail server has taken over from this process.',
})

export const noticeFailures = new Counter({
  name: 'quittance_notice_failures_total',
  help: 'Mails that the mail server has not taken over: refused, or to be sent again later.',
})

export const noticesSkipped = new Counter({
  name: 'quittance_notices_skipped_total',
  help: 'Notices that are given up, by reason: no_address, refused, too_late.',
  labelNames: ['reason'],
})

export const noticesUnsent = new Gauge({
  name: 'quittance_notices_unsent',
  help: 'Notices that wait to be sent as mails (counted up to 10,000).',
})

export const oldestNoticeUnsent = new Gauge({
  name: 'quittance_notices_oldest_seconds',
  help: 'Age of the oldest notice that waits to be sent.',
})
